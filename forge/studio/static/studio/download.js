import {$, element, plural, save} from './dom.js';

const MOST_NAMED = 100;  // ids in the address of an archive
const MOST_SAMPLES = 5;

/** The dialog in which image files are taken away: as they are, or exported. */
export class Download {
  constructor(studio) {
    this.studio = studio;
    this.dialog = $('#download');
    const on = (selector, run) => $(selector, this.dialog).addEventListener('click', run);
    on('[data-go=close]', () => this.dialog.close());
    on('#archive', () => this.run(() => this.archive()));
    on('#export', () => this.run(() => this.export(false)));
    on('#sample', () => this.run(() => this.export(true)));
    on('#export-cancel', () => this.cancel());
  }

  open() {
    if (!this.isRunning) {
      this.pictures = this.studio.chosenPictures();
      $('h2', this.dialog).textContent = `Take ${plural(this.pictures.length, 'image')} away`;
      $('#export', this.dialog).textContent = `Export for ${plural(this.pictures.length, 'credit')}`;
      $('#sample', this.dialog).textContent = `Try ${Math.min(MOST_SAMPLES, this.pictures.length)} for free`;
      $('.made', this.dialog).replaceChildren();
      this.note('');
    }
    this.dialog.showModal();
  }

  /** Run one download at a time; its error is a sentence in the dialog. */
  async run(work) {
    const buttons = this.dialog.querySelectorAll('[data-starts]');
    this.isRunning = true;
    for (const button of buttons) button.disabled = true;
    $('.made', this.dialog).replaceChildren();
    try {
      await work();
    } catch (error) {
      this.note(error.message);
    } finally {
      this.isRunning = false;
      for (const button of buttons) button.disabled = false;
      $('.exporting', this.dialog).hidden = true;
      this.studio.refreshBalance();
    }
  }

  async archive() {
    const metadata = $('[name=words]:checked', this.dialog).value;
    for (const [at, {sessionId, images}] of this.archives().entries()) {
      this.note('The ZIP is being made …');
      save(await this.studio.forge.archive(sessionId, {metadata, images}), numbered('images.zip', at));
    }
    this.note('Saved.');
  }

  /** Return what each archive has: a whole session, or so many of its images as an address can name. */
  archives() {
    const all = Map.groupBy(this.studio.pictures.filter((one) => one.id), (one) => one.sessionId);
    return [...Map.groupBy(this.pictures, (one) => one.sessionId)].flatMap(([sessionId, pictures]) => {
      if (pictures.length === all.get(sessionId).length) return [{sessionId}];
      return parts(pictures.map((one) => one.id), MOST_NAMED).map((images) => ({sessionId, images}));
    });
  }

  async export(sample) {
    const settings = this.settings();
    if (!settings) return this.note('Widths are whole numbers from 16 to 16383 with commas between, ten at most.');
    const chosen = sample ? this.pictures.slice(0, MOST_SAMPLES) : this.pictures;
    const jobs = [...Map.groupBy(chosen, (one) => one.sessionId)]
      .flatMap(([sessionId, images]) => parts(images, this.studio.most).map((part) => ({sessionId, images: part})));
    const sum = {images: 0, files: 0, bytes: 0, failed: 0, before: 0};
    for (const [at, session] of jobs.entries()) {
      const complete = await this.follow(session, settings, sample, sum, chosen.length);
      if (!complete?.results.length) continue;
      this.count(sum, complete, session.images);
      if (sample) this.list(complete.results);
      else save(await this.studio.forge.exported(complete.jobId), numbered('exported.zip', at));
    }
    return this.note(summary(sum, sample));
  }

  /** Return the settings of the form; nothing where its widths are none. */
  settings() {
    const value = (name) => $(`[name=${name}]`, this.dialog).value;
    const widths = value('widths').split(/[\s,;]+/).filter(Boolean).map(Number);
    const isRight = widths.length <= 10 && widths.every((width) => Number.isInteger(width) && width >= 16 && width <= 16383);
    return isRight && {format: value('format'), preset: value('preset'), responsiveSizes: widths.map((width) => ({width}))};
  }

  async follow(session, settings, sample, sum, total) {
    let complete;
    const onJob = (jobId) => { this.jobId = jobId; $('.exporting', this.dialog).hidden = false; this.studio.refreshBalance(); };
    for await (const {type, data} of this.studio.forge.export(session, settings, {sample, onJob})) {
      if (type === 'error') sum.failed++;
      if (type === 'result') sum.images++;
      if (type === 'complete') complete = data;
      $('progress', this.dialog).value = (sum.images + sum.failed) / total;
      this.note(`${sum.images + sum.failed} of ${plural(total, 'image')}`);
    }
    return complete;
  }

  count(sum, complete, images) {
    const sizes = new Map(images.map((one) => [one.id, one.size]));
    for (const {imageId, variants} of complete.results) {
      sum.before += sizes.get(imageId) ?? 0;
      sum.files += variants.length;
      sum.bytes += variants[0].size;
    }
  }

  /** Show the files of a sample, each to be saved. */
  list(results) {
    $('.made', this.dialog).append(...results.flatMap(({variants}) => variants).map((variant) => {
      const button = element('button', {textContent: variant.filename});
      button.addEventListener('click', () => this.studio.forge.variant(variant).then((blob) => save(blob, variant.filename), (error) => this.note(error.message)));
      return element('li', {}, button, element('span', {className: 'hint', textContent: `${variant.width} × ${variant.height}, ${bytes(variant.size)}`}));
    }));
  }

  async cancel() {
    try {
      await this.studio.forge.cancel(this.jobId);
    } catch (error) {
      this.note(error.message);
    }
  }

  note(text) {
    $('.note', this.dialog).textContent = text;
  }
}

const parts = (list, most) => Array.from({length: Math.ceil(list.length / most)}, (_, n) => list.slice(n * most, (n + 1) * most));
const numbered = (name, at) => (at ? name.replace('.', `-${at + 1}.`) : name);
const bytes = (size) => (size < 1e6 ? `${Math.max(1, Math.round(size / 1e3))} kB` : `${(size / 1e6).toFixed(1)} MB`);

function summary({images, files, bytes: after, before, failed}, sample) {
  if (!images) return `Nothing was exported${failed ? `; ${plural(failed, 'image')} failed` : ''}.`;
  const spent = sample ? 'No credit spent' : `${plural(images, 'credit')} spent`;
  const lost = failed ? ` ${plural(failed, 'image')} failed${sample ? '' : ', given back'}.` : '';
  return `${plural(images, 'image')}, ${plural(files, 'file')}. Whole images: ${bytes(after)}, before ${bytes(before)}.${lost} ${spent}.`;
}
