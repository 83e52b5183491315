// As in spreadsheet/__init__.py.
const FORMULA = /^(?:[\s\x00-\x1f\x85\ufeff]*[=+\-@＝＋－＠]|[\t\r\n])/;

/** Return a cell of CSV in quotes, a list with commas, and an apostrophe before a text that a spreadsheet would compute. */
export function csvCell(value) {
  const text = Array.isArray(value) ? value.join(', ') : String(value ?? '');
  return `"${(FORMULA.test(text) ? `'${text}` : text).replaceAll('"', '""')}"`;
}
