// A ZIP without compression, since images are compressed. Each file stays a blob, which browsers keep on the disk, so
// that one file at a time is in memory.
const TABLE = Uint32Array.from({length: 256}, (_, byte) => {
  for (let bit = 0; bit < 8; bit++) byte = byte & 1 ? 0xedb88320 ^ (byte >>> 1) : byte >>> 1;
  return byte;
});
const UTF8_NAMES = 0x0800;
const DOS_DATE = (date) => ((date.getFullYear() - 1980) << 25) | ((date.getMonth() + 1) << 21) | (date.getDate() << 16) | (date.getHours() << 11) | (date.getMinutes() << 5) | (date.getSeconds() >> 1);

function crc32(bytes) {
  let crc = -1;
  for (const byte of bytes) crc = TABLE[(crc ^ byte) & 255] ^ (crc >>> 8);
  return ~crc >>> 0;
}

/** Return the bytes of little-endian numbers, given as [size, value]. */
function numbers(...pairs) {
  const view = new DataView(new ArrayBuffer(pairs.reduce((sum, [size]) => sum + size, 0)));
  let at = 0;
  for (const [size, value] of pairs) {
    if (size === 2) view.setUint16(at, value, true);
    else view.setUint32(at, value >>> 0, true);
    at += size;
  }
  return view;
}

/** Return a ZIP of entries `{name, read}`, where `read` returns a blob. */
export async function zipOf(entries, onProgress = () => {}) {
  const parts = [];
  const directory = [];
  const date = DOS_DATE(new Date());
  let offset = 0;
  for (const [at, {name, read}] of entries.entries()) {
    const blob = await read();
    const crc = crc32(new Uint8Array(await blob.arrayBuffer()));
    const text = new TextEncoder().encode(name);
    const common = [[2, UTF8_NAMES], [2, 0], [4, date], [4, crc], [4, blob.size], [4, blob.size], [2, text.length], [2, 0]];
    parts.push(numbers([4, 0x04034b50], [2, 20], ...common), text, blob);
    directory.push(numbers([4, 0x02014b50], [2, 20], [2, 20], ...common, [2, 0], [2, 0], [2, 0], [4, 0], [4, offset]), text);
    offset += 30 + text.length + blob.size;
    if (offset > 0xf0000000) throw new Error('A ZIP holds 4 GB. Choose fewer images.');
    onProgress(at + 1);
  }
  const size = directory.reduce((sum, part) => sum + part.byteLength, 0);
  const end = numbers([4, 0x06054b50], [2, 0], [2, 0], [2, entries.length], [2, entries.length], [4, size], [4, offset], [2, 0]);
  return new Blob([...parts, ...directory, end], {type: 'application/zip'});
}
