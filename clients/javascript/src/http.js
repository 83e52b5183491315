// @ts-check
import {ConnectionLost, errorOf, isTransient} from './errors.js';

export const RETRIES = 10;
const MOST_WAIT_MS = 8_000;

/** Wait before another attempt: exponential backoff with jitter. @param {number} attempt @param {AbortSignal} [signal] @param {number} [atLeastS] */
export function backoff(attempt, signal, atLeastS = 0) {
  const ms = Math.max(atLeastS * 1000, Math.min(MOST_WAIT_MS, 250 * 2 ** attempt) * (0.5 + Math.random() / 2));
  return new Promise((resolve, reject) => {
    const stop = () => { clearTimeout(timer); reject(signal?.reason); };
    const timer = setTimeout(() => { signal?.removeEventListener('abort', stop); resolve(undefined); }, ms);
    if (signal?.aborted) stop();
    signal?.addEventListener('abort', stop, {once: true});
  });
}

/**
 * Repeat what fails for a reason that may pass.
 * @template T @param {() => Promise<T>} attempt @param {AbortSignal} [signal] @param {number} [retries] @returns {Promise<T>}
 */
export async function retried(attempt, signal, retries = RETRIES) {
  for (let failures = 0; ; failures++) {
    try {
      return await attempt();
    } catch (error) {
      if (signal?.aborted || failures >= retries || !isTransient(error)) throw error;
      await backoff(failures, signal, /** @type {any} */ (error).retryAfter);
    }
  }
}

/** Return a response, or throw its error. @param {string} url @param {RequestInit} options @returns {Promise<Response>} */
export async function send(url, options) {
  let response;
  try {
    response = await fetch(url, options);
  } catch (error) {
    if (options.signal?.aborted) throw error;
    throw new ConnectionLost('The service cannot be reached.', {code: 'connection_lost', details: {cause: error}});
  }
  if (response.ok) return response;
  const text = await response.text().catch(() => '');
  throw errorOf(response.status, text, Number(response.headers.get('Retry-After')) || undefined);
}

/**
 * Send a form. `onProgress` is called with the bytes sent so far where the platform reports them (XMLHttpRequest).
 * @param {string} url @param {FormData} form @param {Record<string, string>} headers
 * @param {(sent: number) => void} onProgress @param {AbortSignal} [signal] @returns {Promise<any>}
 */
export async function sendForm(url, form, headers, onProgress, signal) {
  if (typeof XMLHttpRequest === 'undefined') {
    return (await send(url, {method: 'POST', body: form, headers, signal})).json();
  }
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    const abort = () => request.abort();
    request.open('POST', url);
    for (const [name, value] of Object.entries(headers)) request.setRequestHeader(name, value);
    request.upload.onprogress = (event) => onProgress(event.loaded);
    request.onload = () => {
      const retryAfter = Number(request.getResponseHeader('Retry-After')) || undefined;
      if (request.status < 300) resolve(JSON.parse(request.responseText));
      else reject(errorOf(request.status, request.responseText, retryAfter));
    };
    request.onerror = () => reject(new ConnectionLost('The upload was interrupted.', {code: 'connection_lost'}));
    request.onabort = () => reject(signal?.reason);
    request.onloadend = () => signal?.removeEventListener('abort', abort);
    signal?.addEventListener('abort', abort);
    if (signal?.aborted) return reject(signal.reason);
    request.send(form);
  });
}
