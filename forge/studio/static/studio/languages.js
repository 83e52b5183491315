import {$, element, plural} from './dom.js';

const MOST = 10;
const names = new Intl.DisplayNames(undefined, {type: 'language', fallback: 'none'});

/** Return the name of a language tag in the browser's language, else the tag. */
export const languageName = (tag) => names.of(tag) ?? tag;

/** The choices of the first language and of further ones; `onChange` is called after each. */
export class Languages {
  constructor(onChange) {
    this.onChange = onChange;
    this.more = [];
    this.first = $('#option-language');
    this.another = $('#option-another');
    this.first.addEventListener('change', () => this.set(this.more));
    $('#option-add').addEventListener('click', () => { if (this.another.value) this.set([...this.more, this.another.value]); });
  }

  /** Offer languages by their tags, sorted by name; those that the browser has no name for come last. */
  offer(tags) {
    const unnamed = (tag) => Number(names.of(tag) === undefined);
    this.tags = [...tags].sort((a, b) => unnamed(a) - unnamed(b) || languageName(a).localeCompare(languageName(b)));
    this.first.replaceChildren(element('option', {value: '', textContent: 'As the service is set'}), ...this.tags.map(option));
    this.set([]);
  }

  set(more) {
    const tagged = more.filter((tag) => tag !== this.first.value);
    if (tagged.length && !this.first.value) this.first.value = tagged.includes('en') ? this.tags.find((tag) => !tagged.includes(tag)) : 'en';
    this.more = tagged;
    this.first.options[0].disabled = tagged.length > 0;
    const left = this.tags.filter((tag) => tag !== this.first.value && !tagged.includes(tag));
    this.another.replaceChildren(element('option', {value: '', textContent: 'Choose a language'}), ...left.map(option));
    $('#option-add').disabled = !left.length || tagged.length + 1 >= MOST;
    $('#option-languages').replaceChildren(...tagged.map((tag) => this.chip(tag)));
    $('#option-cost').textContent = tagged.length ? `${plural(tagged.length + 1, 'credit')} an image: one for each language.` : '';
    this.onChange();
  }

  chip(tag) {
    const remove = element('button', {type: 'button', textContent: '✕', 'aria-label': `Without ${languageName(tag)}`});
    remove.addEventListener('click', () => { this.set(this.more.filter((one) => one !== tag)); this.another.focus(); });
    return element('li', {className: 'chip'}, languageName(tag), remove);
  }

  /** The options `language` or `languages`; empty where none is set. */
  value() {
    return {language: this.more.length ? '' : this.first.value, languages: this.more.length ? [this.first.value, ...this.more] : []};
  }
}

const option = (tag) => element('option', {value: tag, textContent: languageName(tag)});
