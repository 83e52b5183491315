import {EditConflict} from '../forge-client/forge.js';
import {$, copy, element, save} from './dom.js';
import {named} from './exports.js';
import {translationsOf} from './translations.js';

const FIELDS = [
  {name: 'title', label: 'Title', words: 9}, {name: 'alt', label: 'Alt text', soft: 125, most: 250, rows: 2},
  {name: 'caption', label: 'Caption', most: 500, rows: 2}, {name: 'description', label: 'Description', most: 2000, rows: 3},
  {name: 'filename', label: 'File name', most: 80},
];

/** The dialog with one image beside its six fields. */
export class Detail {
  constructor(studio) {
    this.studio = studio;
    this.dialog = $('#detail');
    this.opened = new Set();  // languages whose words are shown, also of the next image
    this.img = $('.large img', this.dialog);
    const on = (selector, run) => $(selector, this.dialog).addEventListener('click', run);
    on('[data-go=previous]', () => this.go(-1));
    on('[data-go=next]', () => this.go(1));
    on('[data-go=close]', () => this.dialog.close());
    for (const button of this.dialog.querySelectorAll('[data-take]')) button.addEventListener('click', () => this.take(button.dataset.take));
    on('[data-accept]', () => this.accept());
    on('[data-mine]', () => this.resolve(true));
    on('[data-theirs]', () => this.resolve(false));
    this.dialog.addEventListener('keydown', (event) => this.key(event));
    this.dialog.addEventListener('close', () => this.studio.focusCard(this.picture));
  }

  async open(picture) {
    this.picture = picture;
    this.conflict = null;
    $('.conflict', this.dialog).hidden = true;
    this.note('');
    this.show();
    if (!this.dialog.open) this.dialog.showModal();
    this.dialog.scrollTop = 0;
    this.img.removeAttribute('src');
    picture.url(this.studio.forge, 1024).then((url) => { if (this.picture === picture) this.img.src = url; }, (error) => this.note(error.message));
    try {
      const state = await this.studio.forge.image(picture.sessionId, picture.id);
      if (!picture.isOpen) picture.replace(state);
      else picture.version = state.version;
      if (this.picture === picture && !this.dialog.contains(document.activeElement?.closest('.field, .translation'))) this.show();
      this.facts();
    } catch (error) {
      this.note(error.message);
    }
  }

  show() {
    const {picture} = this;
    $('#detail-name').textContent = picture.originalFilename;
    this.img.alt = picture.alt;
    $('.review', this.dialog).hidden = !(picture.needsReview && picture.metadata);
    for (const selector of ['[data-take=words]', '[data-take=sidecar]']) $(selector, this.dialog).hidden = !picture.metadata;
    const fields = $('.fields', this.dialog);
    if (!picture.metadata) return fields.replaceChildren(element('p', {textContent: picture.error || 'There are no words for this image yet.'}));
    fields.replaceChildren(...FIELDS.map((field) => this.field(field)), this.tags(), ...[translationsOf(picture, this.opened)].filter(Boolean));
    this.setLanguage();
  }

  async facts() {
    const {picture} = this;
    const parts = [picture.kind, picture.confidence === undefined ? '' : `${Math.round(picture.confidence * 100)} % confident`, `${picture.width} × ${picture.height}`];
    if (picture.decorative) parts.unshift('decorative: no alt text');
    if (picture.unusedKeywords?.length) parts.push(`not used: ${picture.unusedKeywords.join(', ')}`);
    const show = () => { if (this.picture === picture) $('.facts', this.dialog).textContent = parts.filter(Boolean).join(' · '); };
    show();
    if (!picture.jobId || !picture.metadata) return;
    const job = await this.studio.forge.job(picture.jobId, {include: 'provenance'}).catch(() => null);
    const made = job?.images.find((one) => one.imageId === picture.id)?.provenance;
    if (!made) return;
    picture.language = made.options?.language ?? made.options?.languages?.[0] ?? 'en';
    if (this.picture === picture) this.setLanguage();
    parts.push(made.models.captioner?.name, `${(Object.values(made.milliseconds).reduce((sum, ms) => sum + ms, 0) / 1000).toFixed(1)} s`);
    show();
  }

  /** Mark the words with their language, once it is known. */
  setLanguage() {
    const {language} = this.picture;
    if (language) for (const words of this.dialog.querySelectorAll('.fields [name], .fields .chip > span')) words.lang = language;
  }

  field({name, label, soft, most, rows, words}) {
    const input = element(rows ? 'textarea' : 'input', {id: `field-${name}`, name, value: this.picture.metadata[name] ?? '', ...(rows && {rows}), ...(most && {maxLength: most})});
    const count = element('span', {className: 'count', id: `count-${name}`});
    input.setAttribute('aria-describedby', `count-${name} wrong-${name}`);
    const update = () => {
      const used = words ? input.value.split(/\s+/).filter(Boolean).length : input.value.length;
      count.textContent = words ? `${used} of ${words} words` : `${used} of ${soft ?? most}`;
      count.classList.toggle('over', used > (words ?? soft ?? most));
    };
    update();
    input.addEventListener('input', update);
    input.addEventListener('change', () => this.saveField(name, input.value.trim()));
    const copier = element('button', {className: 'copy', textContent: 'Copy', 'aria-label': `Copy ${label.toLowerCase()}`});
    copier.addEventListener('click', () => copy(input.value, copier));
    return element('div', {className: 'field'}, element('div', {}, element('label', {for: input.id, textContent: label}), this.mark(name), count, copier), input, this.wrong(name));
  }

  mark(name) {
    return this.picture.edited.includes(name) ? element('span', {className: 'badge mine', textContent: 'Edited'}) : null;
  }

  wrong(name) {
    return element('p', {className: 'wrong', id: `wrong-${name}`, hidden: true});
  }

  tags() {
    const {seoTags = []} = this.picture.metadata;
    const chips = seoTags.map((tag) => {
      const remove = element('button', {textContent: '✕', 'aria-label': `Remove the tag ${tag}`});
      remove.addEventListener('click', () => this.saveField('seoTags', seoTags.filter((one) => one !== tag)));
      return element('li', {className: 'chip'}, element('span', {textContent: tag}), remove);
    });
    const add = element('input', {placeholder: 'Add a tag', ariaLabel: 'Add a tag', maxLength: 60, id: 'field-seoTags'});
    add.addEventListener('change', () => { if (add.value.trim()) this.saveField('seoTags', [...seoTags, add.value.trim()]); });
    const copier = element('button', {className: 'copy', textContent: 'Copy', 'aria-label': 'Copy tags'});
    copier.addEventListener('click', () => copy(seoTags.join(', '), copier));
    const head = element('div', {}, element('span', {className: 'label', textContent: 'Tags'}), this.mark('seoTags'), element('span', {className: 'count', textContent: `${seoTags.length} of 15`}), copier);
    return element('div', {className: 'field'}, head, element('ul', {className: 'chips'}, ...chips, element('li', {}, add)), this.wrong('seoTags'));
  }

  saveField(name, value) {
    if (JSON.stringify(value) === JSON.stringify(this.picture.metadata[name])) return undefined;
    return this.save({[name]: value});
  }

  /** Save the image's file, with its words or as it is, or its sidecar. */
  async take(what) {
    const {picture: {sessionId, id}, studio: {forge}} = this;
    const name = named(this.picture);
    try {
      if (what === 'sidecar') save(await forge.sidecar(sessionId, id), `${name}.xmp`);
      else if (what === 'words') save(await forge.fileWithWords(sessionId, id), name);
      else save(await forge.file(sessionId, id), name);
    } catch (error) {
      this.note(error.message);
    }
  }

  accept() {
    const {alt, caption} = this.picture.metadata;
    return this.save({alt, caption}).then((saved) => saved && this.go(1));
  }

  /** Save fields; what cannot be saved stays in its field, with the reason beside it. */
  async save(fields) {
    const {picture, studio} = this;
    const [name] = Object.keys(fields);
    const wrong = $(`#wrong-${name}`, this.dialog);
    if (wrong) wrong.hidden = true;
    try {
      picture.version ??= (await studio.forge.image(picture.sessionId, picture.id)).version;
      picture.replace(await studio.forge.correct(picture.sessionId, picture.id, picture.version, fields));
      if (this.picture !== picture) return true;
      const focused = document.activeElement?.id;
      this.show();
      if (focused) document.getElementById(focused)?.focus();
      this.note('Saved.');
      return true;
    } catch (error) {
      if (error instanceof EditConflict) await this.showConflict(fields);
      else if (wrong) { wrong.textContent = error.message; wrong.hidden = false; }
      else this.note(error.message);
      return false;
    }
  }

  async showConflict(mine) {
    const {picture, studio} = this;
    const theirs = await studio.forge.image(picture.sessionId, picture.id);
    this.conflict = {mine, theirs};
    const [name] = Object.keys(mine);
    const box = $('.conflict', this.dialog);
    $('p', box).textContent = `This image was changed elsewhere meanwhile. There it is “${[theirs.metadata[name] ?? ''].flat().join(', ')}”, here “${[mine[name]].flat().join(', ')}”. Nothing was saved or lost yet.`;
    box.hidden = false;
    $('[data-mine]', box).focus();
  }

  async resolve(keepMine) {
    const {mine, theirs} = this.conflict;
    $('.conflict', this.dialog).hidden = true;
    this.picture.replace(theirs);
    this.show();
    if (keepMine) await this.save(mine);
  }

  go(step) {
    const next = this.studio.neighbour(this.picture, step);
    if (next) this.open(next);
    else this.note(step > 0 ? 'This is the last image.' : 'This is the first image.');
  }

  key(event) {
    const inField = event.target.matches('input, textarea');
    if (inField && event.key === 'Escape') { event.preventDefault(); event.target.blur(); this.dialog.focus(); }
    if (inField || event.ctrlKey || event.metaKey || event.altKey) return;
    const run = {ArrowLeft: () => this.go(-1), ArrowRight: () => this.go(1), a: () => !$('.review', this.dialog).hidden && this.accept(), e: () => $('#field-alt')?.focus()}[event.key];
    if (run) { event.preventDefault(); run(); }
  }

  note(text) {
    $('#saved').textContent = text;
  }
}
