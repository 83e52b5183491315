// @ts-check
import {BadImage, ForgeError} from './errors.js';
import {retried} from './http.js';

const PARALLEL = 3;
const MOST_FILES = 8;
const MOST_BYTES = 16 * 2 ** 20;

/**
 * @param {import('./forge.js').Forge} forge @param {File[]} files
 * @param {{onProgress?: (sent: number, total: number) => void, sessionId?: string, signal?: AbortSignal}} options
 */
export async function uploadFiles(forge, files, {onProgress = () => {}, sessionId = '', signal}) {
  const total = files.reduce((sum, file) => sum + file.size, 0);
  /** @type {Map<File, any>} */
  const images = new Map();
  /** @type {{file: File, error: ForgeError}[]} */
  const failed = [];
  /** Bytes sent by request. @type {Map<object, number>} */
  const sent = new Map();
  const report = () => onProgress(Math.min(total, [...sent.values()].reduce((sum, bytes) => sum + bytes, 0)), total);

  /** @param {File[]} batch @returns {Promise<void>} */
  async function uploadBatch(batch) {
    const size = batch.reduce((sum, file) => sum + file.size, 0);
    const idempotencyKey = crypto.randomUUID();
    /** @param {number} bytes */
    const progress = (bytes) => { sent.set(batch, Math.min(bytes, size)); report(); };
    const path = sessionId ? `/sessions/${sessionId}/images` : '/sessions/upload';
    try {
      const answer = await retried(() => forge.sendForm(path, formOf(batch), idempotencyKey, progress, signal), signal);
      sessionId = answer.sessionId;
      batch.forEach((file, at) => images.set(file, answer.images[at]));
      progress(size);
    } catch (error) {
      if (!(error instanceof BadImage)) throw error;
      // A request is stored whole or not at all: each file for itself shows which one is bad.
      if (batch.length > 1) {
        sent.delete(batch);
        for (const file of batch) await uploadBatch([file]);
      } else {
        failed.push({file: batch[0], error});
        progress(size);
      }
    }
  }

  const waiting = batchesOf(files);
  while (!sessionId && waiting.length) await uploadBatch(/** @type {File[]} */ (waiting.shift()));  // makes the session
  await Promise.all(Array.from({length: PARALLEL}, async () => {
    for (let batch; (batch = waiting.shift());) await uploadBatch(batch);
  }));
  return {sessionId, images: files.filter((file) => images.has(file)).map((file) => images.get(file)), failed};
}

/** @param {File[]} files */
function formOf(files) {
  const form = new FormData();
  for (const file of files) form.append('images[]', file, file.name);
  return form;
}

/** Return the files in requests of a bounded size; the first is small, since the others wait for its session. @param {File[]} files */
function batchesOf(files) {
  /** @type {File[][]} */
  const batches = [];
  let bytes = 0;
  for (const file of files) {
    const last = batches.at(-1);
    const most = batches.length === 1 ? 2 : MOST_FILES;
    if (!last || last.length >= most || bytes + file.size > MOST_BYTES) {
      batches.push([file]);
      bytes = file.size;
    } else {
      last.push(file);
      bytes += file.size;
    }
  }
  return batches;
}
