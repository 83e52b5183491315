import {Forge, InvalidKey} from '../forge-client/forge.js';
import './card.js';
import {Detail} from './detail.js';
import {$, element, plural} from './dom.js';
import {Download} from './download.js';
import {filesOf, isImage} from './drop.js';
import {exportWords} from './exports.js';
import {History} from './history.js';
import {Options} from './options.js';
import {Picture} from './picture.js';

const KEY = 'image-forge-key';
const OPEN = 'queued,running';
const SAID_EVERY_MS = 4_000;

class Studio {
  pictures = [];
  filter = 'all';
  runs = new Set();

  constructor() {
    this.detail = new Detail(this);
    this.history = new History(this);
    this.options = new Options();
    this.download = new Download(this);
    this.most = Number(document.body.dataset.mostImages);
    const on = (selector, type, run) => $(selector).addEventListener(type, run);
    on('#gate', 'submit', (event) => { event.preventDefault(); this.enter($('#key').value.trim()); });
    on('#leave', 'click', () => { sessionStorage.removeItem(KEY); location.assign(location.pathname); });
    on('#show-work', 'click', () => this.show('work'));
    on('#show-history', 'click', () => { this.show('history'); this.history.load(); });
    on('#cancel', 'click', () => this.cancel());
    on('#all', 'change', ({target}) => { for (const one of this.shown()) one.set({chosen: target.checked}); this.tools(); });
    for (const input of [$('#files'), $('#folder')]) {
      input.addEventListener('change', () => { this.add([...input.files]); input.value = ''; });
    }
    for (const button of document.querySelectorAll('[data-filter]')) button.addEventListener('click', () => this.setFilter(button.dataset.filter));
    for (const button of document.querySelectorAll('[data-export]')) button.addEventListener('click', () => this.export(button.dataset.export));
    on('#take', 'click', () => this.download.open());
    on('#cards', 'open', ({detail}) => this.detail.open(detail));
    on('#cards', 'again', ({detail}) => this.analyze([detail]));
    on('#cards', 'choose', () => this.tools());
    addEventListener('hashchange', () => { if (location.hash.includes('key=')) this.start(); });
    this.acceptDrops();
  }

  acceptDrops() {
    const over = (is) => (event) => {
      if (!event.dataTransfer?.types.includes('Files')) return;
      event.preventDefault();
      $('#drop').classList.toggle('over', is);
    };
    addEventListener('dragover', over(true));
    addEventListener('dragleave', over(false));
    addEventListener('drop', async (event) => { over(false)(event); if (this.forge) this.add(await filesOf(event.dataTransfer)); });
    addEventListener('paste', async (event) => {
      const files = this.forge && !event.target.matches?.('input, textarea') ? await filesOf(event.clipboardData) : [];
      if (files.length) this.add(files);
    });
  }

  // --- Getting in ---

  async start() {
    const given = new URLSearchParams(location.hash.slice(1));
    if (given.has('key')) {
      sessionStorage.setItem(KEY, given.get('key'));
      given.delete('key');
      history.replaceState(null, '', `${given}` ? `#${given}` : location.pathname);
    }
    const key = sessionStorage.getItem(KEY);
    if (key) await this.enter(key, given.get('session'));
    else this.gate();
  }

  gate() {
    this.forge = null;
    $('#gate').hidden = false;
    for (const selector of ['nav', '.account', '#work', '#history']) $(selector).hidden = true;
    $('#key').focus();
  }

  async enter(key, sessionId) {
    this.forge = new Forge({key});
    this.clearNotice();
    if (!await this.refreshBalance()) return;
    sessionStorage.setItem(KEY, key);
    $('#gate').hidden = true;
    $('#key').value = '';
    $('nav').hidden = $('.account').hidden = false;
    this.show('work');
    try {
      await this.options.load(this.forge);
      const open = (await this.forge.jobs({status: OPEN, limit: 1})).data[0];
      const found = sessionId ?? open?.sessionId;
      if (found && !this.pictures.length) await this.openSession(found);
    } catch (error) {
      this.notice(error);
    }
  }

  async refreshBalance() {
    try {
      const {balance} = await this.forge.balance();
      $('#balance').textContent = plural(balance, 'credit');
      return true;
    } catch (error) {
      this.notice(error);
      return false;
    }
  }

  // --- Words of the page ---

  notice(error) {
    if (error?.name === 'AbortError') return;
    if (error instanceof InvalidKey) {
      sessionStorage.removeItem(KEY);
      this.gate();
    }
    $('#notice').textContent = error.message ?? String(error);
    $('#notice').hidden = false;
  }

  clearNotice() { $('#notice').hidden = true; }

  say(text) { $('#live').textContent = text; }

  show(name) {
    for (const page of ['work', 'history']) {
      $(`#${page}`).hidden = page !== name;
      if (page === name) $(`#show-${page}`).setAttribute('aria-current', 'page');
      else $(`#show-${page}`).removeAttribute('aria-current');
    }
  }

  // --- Images ---

  replacePictures(pictures) {
    for (const one of this.pictures) one.release();
    this.pictures = [];
    $('#cards').replaceChildren();
    $('#refused').hidden = true;
    this.addPictures(pictures);
  }

  addPictures(pictures) {
    for (const picture of pictures) {
      picture.card = element('image-card', {picture, forge: this.forge});
      picture.item = element('li', {}, picture.card);
      picture.addEventListener('change', () => this.tools());
      this.pictures.push(picture);
      $('#cards').append(picture.item);
    }
    this.tools();
  }

  remove(pictures) {
    for (const picture of pictures) { picture.item.remove(); picture.release(); }
    this.pictures = this.pictures.filter((one) => !pictures.includes(one));
    this.tools();
  }

  shown() { return this.pictures.filter((one) => !one.item.hidden); }

  setFilter(filter) {
    this.filter = filter;
    for (const button of document.querySelectorAll('[data-filter]')) button.setAttribute('aria-pressed', button.dataset.filter === filter);
    this.tools();
  }

  /** Apply the filter and show what may be exported; once for the changes of one moment. */
  tools() {
    this.pending ??= requestAnimationFrame(() => {
      this.pending = null;
      const is = {all: () => true, review: (one) => one.needsReview && one.status === 'succeeded', failed: (one) => one.status === 'failed' || one.status === 'cancelled'};
      for (const one of this.pictures) one.item.hidden = !is[this.filter](one);
      for (const [name, test] of Object.entries(is)) {
        const button = $(`[data-filter=${name}]`);
        button.textContent = `${{all: 'All', review: 'Needs review', failed: 'Failed'}[name]} ${this.pictures.filter(test).length}`;
      }
      document.body.classList.toggle('busy', this.pictures.length > 0);
      $('#tools').hidden = !this.pictures.length;
      $('#none').hidden = !this.pictures.length || this.shown().length > 0;
      const chosen = this.pictures.filter((one) => one.chosen).length;
      $('#chosen').textContent = `Export ${chosen ? plural(chosen, 'image') : 'all'} as`;
      $('#all').checked = chosen > 0 && chosen === this.pictures.length;
    });
  }

  neighbour(picture, step) {
    const shown = this.pictures.filter((one) => one.id && (!one.item.hidden || one === picture));
    return shown[shown.indexOf(picture) + step];
  }

  focusCard(picture) { (picture.item.hidden ? $('[data-filter=all]') : $('.open', picture.card))?.focus(); }

  // --- Upload, analysis ---

  async add(files) {
    this.clearNotice();
    this.show('work');
    const images = files.filter(isImage);
    if (!images.length) return this.notice({message: files.length ? `None of these ${plural(files.length, 'file')} is an image.` : 'There is no file in what you dropped.'});
    if (images.length > this.most) return this.notice({message: `These are ${plural(images.length, 'image')}. Drop up to ${this.most} at a time.`});
    const pictures = images.map((file) => new Picture({file, originalFilename: file.name, status: 'uploading', preview: URL.createObjectURL(file)}));
    if (!this.runs.size) this.replacePictures(pictures);
    else this.addPictures(pictures);
    const run = this.begin(pictures.length, this.options.languageCount);
    try {
      const uploaded = await this.forge.upload(images, {signal: run.abort.signal, onProgress: (sent, total) => this.progress(run, `Uploading ${plural(images.length, 'image')}`, sent / total, `${Math.round(100 * sent / total)} %`)});
      this.refuse(uploaded.failed);
      const bad = new Set(uploaded.failed.map(({file}) => file));
      const good = pictures.filter((one) => !bad.has(one.file));
      good.forEach((one, at) => one.set({...uploaded.images[at], sessionId: uploaded.sessionId, status: 'queued'}));
      this.remove(pictures.filter((one) => bad.has(one.file)));
      if (!good.length) return undefined;
      history.replaceState(null, '', `#session=${uploaded.sessionId}`);
      await this.follow(run, good, this.forge.analyze({sessionId: uploaded.sessionId, images: good}, {options: this.options.value(), onJob: (jobId) => this.accepted(run, jobId)}));
    } catch (error) {
      this.remove(pictures.filter((one) => !one.id));
      this.failed(pictures, error);
    } finally {
      this.end(run);
    }
    return undefined;
  }

  refuse(failed) {
    $('#refused').hidden = !failed.length;
    $('#refused ul').replaceChildren(...failed.map(({file, error}) => element('li', {textContent: error.message.includes(file.name) ? error.message : `${file.name}: ${error.message}`})));
  }

  async analyze(pictures) {
    this.clearNotice();
    const run = this.begin(pictures.length, this.options.languageCount);
    for (const one of pictures) one.set({status: 'queued', error: ''});
    try {
      await this.follow(run, pictures, this.forge.analyze({sessionId: pictures[0].sessionId, images: pictures}, {options: this.options.value(), onJob: (jobId) => this.accepted(run, jobId)}));
    } catch (error) {
      this.failed(pictures, error);
    } finally {
      this.end(run);
    }
  }

  failed(pictures, error) {
    for (const one of pictures) if (one.id && one.isOpen) one.set({status: 'uploaded'});
    this.notice(error);
  }

  accepted(run, jobId) {
    run.jobId = jobId;
    $('#cancel').hidden = false;
    this.refreshBalance();
  }

  async follow(run, pictures, events) {
    const byId = new Map(pictures.map((one) => [one.id, one]));
    const total = pictures.length;
    let ended = 0, givenBack = 0;
    const started = performance.now();
    for await (const event of events) {
      byId.get(event.data.imageId)?.apply(event);
      if (event.type === 'result' || event.type === 'error') ended++;
      if (event.type === 'error') givenBack += run.languages;
      if (event.type === 'result') givenBack += Object.keys(event.data.translationErrors ?? {}).length;
      const left = ended && ended < total ? `about ${seconds((performance.now() - started) / ended * (total - ended))} left` : '';
      const credits = run.languages && `${plural(total * run.languages, 'credit')} spent${givenBack ? `, ${givenBack} given back` : ''}`;
      this.progress(run, `${ended} of ${plural(total, 'image')}`, ended / total, [left, credits].filter(Boolean).join(' · '));
      if (event.type === 'complete') {
        const {succeeded, failed, creditsCharged, creditsRefunded, status} = event.data;
        const words = `${status === 'cancelled' ? 'Cancelled: ' : ''}${succeeded} described${failed ? `, ${failed} failed` : ''}. ${plural(creditsCharged - creditsRefunded, 'credit')} spent${creditsRefunded ? `, ${creditsRefunded} given back` : ''}.`;
        run.result = words;
        this.say(words);
      }
    }
  }

  /** `languages`: of each image, where this page has it. */
  begin(total, languages) {
    const run = {abort: new AbortController(), total, languages, said: 0};
    this.runs.add(run);
    this.run = run;
    $('#run').hidden = false;
    $('#cancel').hidden = false;
    this.progress(run, `0 of ${plural(total, 'image')}`, 0, '');
    return run;
  }

  progress(run, title, share, text) {
    if (run !== this.run) return;  // the newest is shown
    $('#run-title').textContent = title;
    $('#run-text').textContent = text;
    $('#bar').value = share;
    if (performance.now() - run.said < SAID_EVERY_MS) return;
    run.said = performance.now();
    this.say(`${title}. ${text}`);
  }

  end(run) {
    this.runs.delete(run);
    this.refreshBalance();
    if (run !== this.run) return;
    $('#cancel').hidden = true;
    $('#run').hidden = !run.result;
    $('#run-title').textContent = run.result ?? '';
    $('#run-text').textContent = '';
    $('#bar').value = 1;
  }

  async cancel() {
    const {run} = this;
    try {
      if (run.jobId) await this.forge.cancel(run.jobId);
      else run.abort.abort();
    } catch (error) {
      this.notice(error);
    }
  }

  // --- Sessions ---

  async openSession(sessionId) {
    this.show('work');
    this.clearNotice();
    try {
      const pictures = [];
      for (let cursor; cursor !== null;) {
        const page = await this.forge.session(sessionId, {cursor, include: 'results'});
        pictures.push(...page.images.map((image) => new Picture({...image, sessionId})));
        cursor = page.nextCursor;
      }
      this.replacePictures(pictures);
      history.replaceState(null, '', `#session=${sessionId}`);
      $('#run').hidden = true;
      const {data} = await this.forge.jobs({sessionId, status: OPEN});
      await Promise.all(data.filter((job) => job.action === 'analyze').map((job) => this.resume(job.jobId, pictures)));
    } catch (error) {
      this.forget(sessionId);
      this.notice(error);
    }
  }

  /** Follow a job that runs already, from its first event: the log has those that were missed. */
  async resume(jobId, pictures) {
    const ids = new Set((await this.forge.job(jobId)).images.map((one) => one.imageId));
    const run = this.begin(ids.size);
    run.jobId = jobId;
    try {
      await this.follow(run, pictures.filter((one) => ids.has(one.id)), this.forge.events(jobId));
    } finally {
      this.end(run);
    }
  }

  /** Leave a session that is gone. */
  forget(sessionId) {
    if (location.hash.includes(sessionId)) history.replaceState(null, '', location.pathname);
    this.remove(this.pictures.filter((one) => one.sessionId === sessionId));
  }

  /** Return the images that are chosen, else all. */
  chosenPictures() {
    const stored = this.pictures.filter((one) => one.id);
    const chosen = stored.filter((one) => one.chosen);
    return chosen.length ? chosen : stored;
  }

  export(format) {
    const pictures = this.chosenPictures().filter((one) => one.metadata);
    if (!pictures.length) return this.notice({message: 'None of these images has words yet.'});
    this.clearNotice();
    return exportWords(format, pictures);
  }
}

function seconds(ms) {
  const s = Math.max(1, Math.round(ms / 1000));
  return s < 90 ? `${s} s` : `${Math.round(s / 60)} min`;
}

new Studio().start();
