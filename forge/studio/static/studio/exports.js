import {save} from './dom.js';
import {csvCell} from './spreadsheet.js';

const FIELDS = ['title', 'alt', 'caption', 'description', 'filename', 'seoTags'];

/** Return the name of a picture's file: that of its metadata, else its own. */
export const named = ({metadata, originalFilename, suffix}) => `${metadata?.filename || originalFilename.replace(/\.[^.]*$/, '')}.${suffix}`;
const escaped = (text) => text.replace(/[&<>"]/g, (char) => `&#${char.charCodeAt(0)};`);

/** The columns for the words in further languages that any of the pictures has. */
function columns(pictures) {
  const tags = new Set(pictures.flatMap(({translations}) => Object.keys(translations ?? {})));
  return [...tags].flatMap((tag) => FIELDS.filter((name) => name !== 'filename').map((name) => ({tag, name})));
}

const WRITERS = {
  csv: {
    type: 'text/csv;charset=utf-8',
    parts: (pictures) => {
      const translated = columns(pictures);
      const head = ['originalFilename', ...FIELDS, 'kind', 'confidence', 'needsReview', 'decorative', ...translated.map(({tag, name}) => `"${name} (${tag})"`)];
      const row = (one) => [one.originalFilename, ...FIELDS.map((name) => one.metadata[name]), one.kind, one.confidence, one.needsReview, one.decorative ?? false, ...translated.map(({tag, name}) => one.translations?.[tag]?.[name])];
      return ['\ufeff', head.join(','), '\r\n', ...pictures.map((one) => `${row(one).map(csvCell).join(',')}\r\n`)];
    },
  },
  json: {
    type: 'application/json',
    parts: (pictures) => pictures.flatMap(({id, originalFilename, width, height, metadata, translations, kind, confidence, needsReview, decorative, edited}, at) =>
      [at ? ',\n' : '[\n', JSON.stringify({id, originalFilename, width, height, metadata, translations, kind, confidence, needsReview, decorative, edited})]).concat('\n]\n'),
  },
  html: {
    type: 'text/html;charset=utf-8',
    parts: (pictures) => pictures.map((one) => `<figure>\n  <img src="${escaped(named(one))}" alt="${escaped(one.metadata.alt ?? '')}" width="${one.width}" height="${one.height}">\n  <figcaption>${escaped(one.metadata.caption ?? '')}</figcaption>\n</figure>\n`),
  },
  jsonld: {
    type: 'application/ld+json',
    parts: (pictures) => ['[\n', pictures.map((one) => JSON.stringify({
      '@context': 'https://schema.org', '@type': 'ImageObject', contentUrl: named(one), name: one.metadata.title,
      caption: one.metadata.caption, description: one.metadata.description, keywords: one.metadata.seoTags?.join(', '), width: one.width, height: one.height,
    })).join(',\n'), '\n]\n'],
  },
};

/** Save the words of pictures in a format. */
export function exportWords(format, pictures) {
  const {type, parts} = WRITERS[format];
  save(new Blob(parts(pictures), {type}), `images.${format}`);
}
