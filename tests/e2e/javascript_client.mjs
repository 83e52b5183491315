// Runs the JavaScript client against a service: node javascript_client.mjs MODE URL KEY FILE...
import {readFile} from 'node:fs/promises';
import {basename} from 'node:path';
import {Forge, ForgeError} from '../../clients/javascript/src/forge.js';

const [mode, url, key, ...paths] = process.argv.slice(2);
const forge = new Forge({url, key});
const show = (value) => console.log(JSON.stringify(value));

async function filesOf(names) {
  return Promise.all(names.map(async (path) => new File([await readFile(path)], basename(path))));
}

async function run(names) {
  const progress = [];
  const session = await forge.upload(await filesOf(names), {onProgress: (sent, total) => progress.push([sent, total])});
  const failed = session.failed.map(({file, error}) => [file.name, error.name, error.code]);
  show({uploaded: session.images.map((image) => image.originalFilename), failed, last: progress.at(-1)});
  const events = [];
  for await (const event of forge.analyze(session)) {
    events.push([event.id, event.type, event.data.imageId]);
    if (mode === 'follow') show(event.type);
  }
  return events;
}

const modes = {
  run: async () => show(await run(paths)),
  follow: async () => show(await run(paths)),
  two: async () => show(await Promise.all([run(paths), run(paths)])),
  errors: async () => {
    const errors = [];
    const calls = [() => forge.balance(), () => forge.session('sess_unknown'), () => forge.image('sess_a', 'img_b')];
    for (const call of calls) {
      await call().catch((error) => errors.push([error instanceof ForgeError, error.name, error.status, error.code]));
    }
    show(errors);
  },
  options: async () => {
    const session = await forge.upload(await filesOf(paths));
    for await (const {type, data} of forge.analyze(session, {options: {fields: ['alt'], altMaxLength: 40}})) {
      if (type === 'result') show(data.metadata);
    }
    for (const options of [{language: 'de'}, {altMaxLength: 7}]) {
      const refused = async () => { for await (const _ of forge.analyze(session, {options})); };
      await refused().catch((error) => show([error.name, error.code, error.details.option]));
    }
    show((await forge.models()).data.filter((family) => family.loaded).map((family) => family.family));
  },
  correct: async () => {
    const session = await forge.upload(await filesOf(paths));
    for await (const _ of forge.analyze(session));
    const id = session.images[0].id;
    const {version} = await forge.image(session.sessionId, id);
    const {edited} = await forge.correct(session.sessionId, id, version, {alt: 'Words of a person'});
    const late = await forge.correct(session.sessionId, id, version, {alt: 'Too late'}).catch((error) => error);
    show({edited, late: late.name, present: late.details.image.metadata.alt});
    show({file: (await forge.file(session.sessionId, id)).size, thumbnail: (await forge.thumbnail(session.sessionId, id)).type});
    show({jobs: (await forge.jobs({sessionId: session.sessionId})).data.map((job) => job.status)});
    show({found: (await forge.sessions({q: 'person words'})).data.length});
    await forge.deleteSession(session.sessionId);
  },
  export: async () => {
    const session = await forge.upload(await filesOf(paths));
    for await (const _ of forge.analyze(session));
    const settings = {format: 'jpeg', preset: 'low', responsiveSizes: [{width: 32}]};
    for (const sample of [true, false]) {
      for await (const {type, data} of forge.export(session, settings, {sample})) {
        if (type !== 'complete') continue;
        const {variants} = data.results[0];
        show({sample, charged: data.creditsCharged, names: variants.map((one) => one.name)});
        show({bytes: (await forge.variant(variants[1])).size === variants[1].size, zip: (await forge.exported(data.jobId)).type});
      }
    }
    const [{id}] = session.images;
    show({words: (await forge.fileWithWords(session.sessionId, id)).size > (await forge.file(session.sessionId, id)).size});
    show({sidecar: (await (await forge.sidecar(session.sessionId, id)).text()).includes('AltTextAccessibility')});
    show({archive: (await forge.archive(session.sessionId, {metadata: 'sidecar', images: [id]})).type});
  },
};
await modes[mode]();
