const IMAGE = /\.(jpe?g|jfif|png|webp|gif|bmp|dib|tiff?|avif|hei[cf])$/i;
const MOST_READ = 10_000;

export const isImage = (file) => file.type.startsWith('image/') || IMAGE.test(file.name);

/** Return the files of a drop or a paste, those of folders included. */
export async function filesOf(transfer) {
  const entries = [...transfer.items].filter((item) => item.kind === 'file').map((item) => item.webkitGetAsEntry?.() ?? item.getAsFile());
  const files = [];
  for (const entry of entries) {
    if (entry instanceof File) files.push(entry);
    else if (entry) await collect(entry, files);
  }
  return files;
}

async function collect(entry, files) {
  if (files.length >= MOST_READ) return;
  if (entry.isFile) {
    files.push(await new Promise((resolve, reject) => entry.file(resolve, reject)));
    return;
  }
  const reader = entry.createReader();
  for (let batch; (batch = await new Promise((resolve, reject) => reader.readEntries(resolve, reject))).length;) {
    for (const child of batch) await collect(child, files);
  }
}
