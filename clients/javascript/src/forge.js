// @ts-check
import {ConnectionLost, ForgeError, isTransient} from './errors.js';
import {RETRIES, backoff, retried, send, sendForm} from './http.js';
import {eventsOf} from './stream.js';
import {uploadFiles} from './upload.js';

export * from './errors.js';

/** @typedef {import('./stream.js').JobEvent} JobEvent */
/** @typedef {{id: string, uploadPath: string, originalFilename: string}} UploadedImage */
/** @typedef {{sessionId: string, images: UploadedImage[]}} Session */
/**
 * Options of an analysis (docs/options.md); `models` has what the loaded models can do.
 * @typedef {{
 *   language?: string, languages?: string[], context?: string, keywords?: string[], excludedKeywords?: string[],
 *   altMaxLength?: number, tagCount?: number, fields?: ('title' | 'alt' | 'caption' | 'description' | 'filename' | 'seoTags')[],
 *   genderNeutral?: boolean, decorative?: 'auto', useEmbedded?: boolean, overwriteEdits?: boolean,
 * }} AnalysisOptions
 */

/** A client of one service with one key. */
export class Forge {
  /** @param {{key: string, url?: string}} options  `url`: of the service; by default the page's own */
  constructor({key, url = ''}) {
    this.base = `${url.replace(/\/$/, '')}/image-forge-api/v1`;
    this.key = key;
  }

  /**
   * Upload files into a new session, or into one that exists, in parallel requests. A bad file does not stop the
   * others: `failed` has its error.
   * @param {File[]} files
   * @param {{onProgress?: (sent: number, total: number) => void, sessionId?: string, signal?: AbortSignal}} [options]
   * @returns {Promise<{sessionId: string, images: UploadedImage[], failed: {file: File, error: ForgeError}[]}>}
   */
  upload(files, options = {}) {
    return uploadFiles(this, files, options);
  }

  /**
   * Analyze a session's images and yield the job's events. A stream that breaks is resumed after its last event; a
   * request that is repeated has the same Idempotency-Key, so that it starts, and charges, one job.
   * @param {Session} session
   * @param {{options?: AnalysisOptions, signal?: AbortSignal, idempotencyKey?: string, onJob?: (jobId: string) => void}} [settings]
   * @returns {AsyncGenerator<JobEvent, void, void>}
   */
  analyze(session, {options, ...rest} = {}) {
    return this.run('analyze', session, {options}, rest);
  }

  /**
   * Export a session's images as new files and yield the job's events; the last one has all files in `results`. With
   * `sample` up to five images, for nothing. Streams and repeated requests are as with `analyze`.
   * @param {Session} session
   * @param {{format?: string, preset?: string, responsive?: boolean, responsiveSizes?: {width: number}[]}} settings
   * @param {{sample?: boolean, signal?: AbortSignal, idempotencyKey?: string, onJob?: (jobId: string) => void}} [options]
   * @returns {AsyncGenerator<JobEvent, void, void>}
   */
  export(session, settings, {sample = false, ...options} = {}) {
    return this.run(sample ? 'sample' : 'export', session, {settings}, options);
  }

  /**
   * Start a job and yield its events.
   * @param {string} action @param {Session} session @param {object} extra  of the request's body
   * @param {{signal?: AbortSignal, idempotencyKey?: string, onJob?: (jobId: string) => void}} options
   * @returns {AsyncGenerator<JobEvent, void, void>}
   */
  async *run(action, session, extra, {signal, idempotencyKey = crypto.randomUUID(), onJob = () => {}}) {
    const images = session.images.map(({id, uploadPath, originalFilename}) => ({id, uploadPath, originalFilename}));
    const headers = {'Content-Type': 'application/json', Accept: 'application/json', 'Idempotency-Key': idempotencyKey};
    const body = JSON.stringify({sessionId: session.sessionId, images, ...extra});
    const path = `/sessions/${session.sessionId}/${action}`;
    const job = await retried(async () => (await this.send(path, {method: 'POST', body, headers, signal})).json(), signal);
    onJob(job.jobId);
    yield* this.events(job.jobId, {signal});
  }

  /**
   * Yield a job's events after the one named, up to `complete`.
   * @param {string} jobId @param {{after?: number, signal?: AbortSignal}} [options]
   * @returns {AsyncGenerator<JobEvent, void, void>}
   */
  async *events(jobId, {after = 0, signal} = {}) {
    for (let failures = 0; ; failures++) {
      /** @type {unknown} */
      let cause;
      try {
        const headers = {Accept: 'text/event-stream', 'Last-Event-ID': String(after)};
        const response = await this.send(`/jobs/${jobId}/events`, {headers, signal});
        if (response.status === 204 || !response.body) return;
        for await (const event of eventsOf(response.body)) {
          if (event.id <= after) continue;
          failures = 0;
          after = event.id;
          yield event;
          if (event.type === 'complete') return;
        }
      } catch (error) {
        // A body that breaks is a TypeError of the platform.
        if (signal?.aborted || (error instanceof ForgeError && !isTransient(error))) throw error;
        cause = error;
      }
      if (failures >= RETRIES) throw new ConnectionLost('The stream broke, again and again.', {code: 'connection_lost', details: {cause}});
      await backoff(failures, signal, /** @type {any} */ (cause)?.retryAfter);
    }
  }

  balance() { return this.get('/credits/balance'); }
  /** The families of models: which is loaded, with its languages and options. */
  models() { return this.get('/models'); }
  /** @param {Record<string, string | number | undefined>} [query] `q`, `limit`, `cursor`, `include` */
  sessions(query = {}) { return this.get('/sessions', query); }
  /** @param {string} id @param {Record<string, string | number | undefined>} [query] */
  session(id, query = {}) { return this.get(`/sessions/${id}`, query); }
  /** @param {string} id */
  async deleteSession(id) { await this.send(`/sessions/${id}`, {method: 'DELETE'}); }
  /** @param {string} sessionId @param {string} imageId */
  image(sessionId, imageId) { return this.get(`/sessions/${sessionId}/images/${imageId}`); }
  /** @param {string} id @param {Record<string, string | number | undefined>} [query] */
  job(id, query = {}) { return this.get(`/jobs/${id}`, query); }
  /** @param {Record<string, string | number | undefined>} [query] `status`, `sessionId` */
  jobs(query = {}) { return this.get('/jobs', query); }
  /** @param {string} id */
  async cancel(id) { return (await this.send(`/jobs/${id}/cancel`, {method: 'POST'})).json(); }

  /**
   * Save a person's words. Throws EditConflict where `version` is not the latest.
   * @param {string} sessionId @param {string} imageId @param {number} version @param {Record<string, string | string[]>} fields
   */
  async correct(sessionId, imageId, version, fields) {
    const options = {method: 'PATCH', body: JSON.stringify({version, ...fields}), headers: {'Content-Type': 'application/json'}};
    return (await this.send(`/sessions/${sessionId}/images/${imageId}/metadata`, options)).json();
  }

  /** The file as it was uploaded. @param {string} sessionId @param {string} imageId @param {AbortSignal} [signal] @returns {Promise<Blob>} */
  async file(sessionId, imageId, signal) {
    return retried(async () => (await this.send(`/sessions/${sessionId}/images/${imageId}/file`, {signal})).blob(), signal);
  }

  /**
   * The file with its words as XMP. Throws a ForgeError with the code `conflict` where its format cannot hold them.
   * @param {string} sessionId @param {string} imageId @param {AbortSignal} [signal] @returns {Promise<Blob>}
   */
  async fileWithWords(sessionId, imageId, signal) {
    const path = `/sessions/${sessionId}/images/${imageId}/file?metadata=embedded`;
    return retried(async () => (await this.send(path, {signal})).blob(), signal);
  }

  /** The words as an XMP sidecar. @param {string} sessionId @param {string} imageId @returns {Promise<Blob>} */
  async sidecar(sessionId, imageId) {
    return retried(async () => (await this.send(`/sessions/${sessionId}/images/${imageId}/sidecar.xmp`)).blob());
  }

  /**
   * A session as a ZIP. `metadata`: where the words go, `embedded` (in the files), `sidecar` or `none`; `images`: ids, all
   * without them. A download that breaks is repeated from its start.
   * @param {string} sessionId @param {{metadata?: string, images?: string[], signal?: AbortSignal}} [options]
   * @returns {Promise<Blob>}
   */
  async archive(sessionId, {metadata = 'embedded', images, signal} = {}) {
    const named = images ? `&images=${images.join(',')}` : '';
    return this.download(`/sessions/${sessionId}/archive?metadata=${metadata}${named}`, signal);
  }

  /** One file of an export. @param {{path: string}} variant @param {AbortSignal} [signal] @returns {Promise<Blob>} */
  async variant({path}, signal) {
    return this.download(path.slice(path.indexOf('/v1/') + 3), signal);
  }

  /** All files of an export as a ZIP. @param {string} jobId @param {AbortSignal} [signal] @returns {Promise<Blob>} */
  async exported(jobId, signal) {
    return this.download(`/jobs/${jobId}/archive`, signal);
  }

  /** @param {string} path @param {AbortSignal} [signal] @returns {Promise<Blob>} */
  async download(path, signal) {
    return retried(async () => {
      const response = await this.send(path, {signal});
      try {
        return await response.blob();
      } catch (error) {  // a body that breaks is a TypeError of the platform
        if (signal?.aborted) throw error;
        throw new ConnectionLost('The download broke.', {code: 'connection_lost', details: {cause: error}});
      }
    }, signal, 3);
  }

  /** A JPEG. @param {string} sessionId @param {string} imageId @param {256 | 1024} [size] @returns {Promise<Blob>} */
  async thumbnail(sessionId, imageId, size = 256) {
    return retried(async () => (await this.send(`/sessions/${sessionId}/images/${imageId}/thumbnail?size=${size}`)).blob());
  }

  /** @param {string} path @param {Record<string, string | number | undefined>} [query] @returns {Promise<any>} */
  get(path, query = {}) {
    const given = Object.entries(query).filter(([, value]) => value !== undefined && value !== '');
    const search = new URLSearchParams(given.map(([name, value]) => [name, String(value)])).toString();
    return retried(async () => (await this.send(search ? `${path}?${search}` : path)).json(), undefined, 3);
  }

  /** @param {string} path @param {RequestInit} [options] */
  send(path, options = {}) {
    return send(this.base + path, {...options, headers: {...options.headers, 'X-API-Key': this.key}});
  }

  /** @param {string} path @param {FormData} form @param {string} idempotencyKey @param {(sent: number) => void} onProgress @param {AbortSignal} [signal] */
  sendForm(path, form, idempotencyKey, onProgress, signal) {
    return sendForm(this.base + path, form, {'X-API-Key': this.key, 'Idempotency-Key': idempotencyKey}, onProgress, signal);
  }
}

