import {$, element} from './dom.js';
import {Languages} from './languages.js';

const FIELDS = {title: 'Title', alt: 'Alt text', caption: 'Caption', description: 'Description', filename: 'File name', seoTags: 'Tags'};
const words = (text) => text.split(/[,\n]/).map((word) => word.trim()).filter(Boolean);

/** The panel of options: it offers what every loaded family of models can do. */
export class Options {
  constructor() {
    this.panel = $('#options');
    this.fields = Object.entries(FIELDS).map(([name, label]) => {
      const box = element('input', {type: 'checkbox', checked: true, value: name});
      $('#option-fields').append(element('label', {className: 'check'}, box, label));
      return box;
    });
    this.languages = new Languages(() => this.count());
    this.panel.addEventListener('input', () => this.count());
  }

  async load(forge) {
    const {data} = await forge.models();
    const loaded = data.filter((family) => family.loaded);
    if (!loaded.length) return;
    const shared = (lists) => lists.reduce((left, right) => left.filter((one) => right.includes(one)));
    this.able = shared(loaded.map(({options}) => Object.keys(options)));
    const languages = shared(loaded.map((family) => family.languages));
    this.languages.offer(languages);
    for (const part of this.panel.querySelectorAll('[data-option]')) part.hidden = !this.able.includes(part.dataset.option);
    if (languages.length < 2) for (const name of ['language', 'languages']) $(`[data-option=${name}]`).hidden = true;
    this.panel.hidden = false;
  }

  /** The options that are set, as the API takes them. */
  value() {
    const of = (name) => $(`#option-${name}`);
    const shown = (name) => this.able?.includes(name) && !$(`[data-option=${name}]`).hidden;
    const fields = this.fields.filter((box) => box.checked).map((box) => box.value);
    const all = {
      ...this.languages.value(),
      context: of('context').value.trim(),
      keywords: words(of('keywords').value),
      excludedKeywords: words(of('excludedKeywords').value),
      altMaxLength: fields.includes('alt') && Number(of('altMaxLength').value),
      fields: fields.length < this.fields.length && fields,
      decorative: of('decorative').checked && 'auto',
      useEmbedded: of('useEmbedded').checked,
    };
    return Object.fromEntries(Object.entries(all).filter(([name, value]) => shown(name) && (Array.isArray(value) ? value.length : value)));
  }

  /** How many languages an image is described in, each for a credit. */
  get languageCount() {
    return this.value().languages?.length ?? 1;
  }

  count() {
    const number = Object.keys(this.value()).length;
    $('#options-count').textContent = number ? `${number} set` : '';
  }
}
