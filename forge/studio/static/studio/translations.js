import {copy, element} from './dom.js';
import {languageName} from './languages.js';

const FIELDS = {title: 'Title', alt: 'Alt text', caption: 'Caption', description: 'Description', seoTags: 'Tags'};

/** Return the words of a picture in its further languages, each in a part that opens, and why others are missing.
 *
 * `opened`: the set of the tags whose parts are open, which it keeps up to date.
 */
export function translationsOf({translations = {}, translationErrors = {}, decorative}, opened) {
  const written = Object.entries(translations).map(([tag, words]) => {
    const fields = Object.keys(FIELDS).filter((name) => name in words).map((name) => field(tag, name, [words[name]].flat().join(', '), decorative));
    const part = element('details', {className: 'translation', open: opened.has(tag)}, element('summary', {textContent: languageName(tag)}), ...fields);
    part.addEventListener('toggle', () => (part.open ? opened.add(tag) : opened.delete(tag)));
    return part;
  });
  const missing = Object.entries(translationErrors).map(([tag, {error}]) => element('p', {className: 'wrong', textContent: `${languageName(tag)}: ${error}`}));
  if (!written.length && !missing.length) return null;
  return element('section', {className: 'translations', 'aria-labelledby': 'translations-name'}, element('h3', {id: 'translations-name', textContent: 'Other languages'}), ...written, ...missing);
}

function field(tag, name, text, decorative) {
  const label = FIELDS[name];
  if (name === 'alt' && !text && decorative) return element('p', {className: 'hint', textContent: 'No alt text: decorative'});
  const copier = element('button', {className: 'copy', textContent: 'Copy', 'aria-label': `Copy ${label.toLowerCase()}, ${languageName(tag)}`});
  copier.addEventListener('click', () => copy(text, copier));
  return element('div', {className: 'field'}, element('div', {}, element('span', {className: 'label', textContent: label}), copier), element('p', {lang: tag, dir: 'auto', textContent: text}));
}
