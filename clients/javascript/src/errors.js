// @ts-check
/**
 * Errors of the API, one class for what a caller handles alike:
 *
 *   ForgeError
 *   ├── InvalidKey            401, 403
 *   ├── InsufficientCredits   402
 *   ├── NotFound              404
 *   ├── EditConflict          409 edit_conflict: `details.image` is the present state
 *   ├── BadImage              413, 415, 422: this file, or this image
 *   ├── BadOption             400, 422 option_unsupported: `details.option`, `details.accepted`
 *   ├── RateLimited           429
 *   ├── Unavailable           502, 503, 504
 *   └── ConnectionLost        no response, or a stream that broke and could not be resumed
 */
export class ForgeError extends Error {
  /**
   * @param {string} message
   * @param {{status?: number, code?: string, requestId?: string, retryAfter?: number, details?: any}} [about]
   */
  constructor(message, {status = 0, code = 'internal_error', requestId = '', retryAfter, details = {}} = {}) {
    super(message);
    this.name = this.constructor.name;
    this.status = status;
    this.code = code;
    this.requestId = requestId;
    /** Seconds until the request may be sent again. */
    this.retryAfter = retryAfter;
    /** The members of the error's body. */
    this.details = details;
  }
}
export class InvalidKey extends ForgeError {}
export class InsufficientCredits extends ForgeError {}
export class NotFound extends ForgeError {}
export class EditConflict extends ForgeError {}
export class BadImage extends ForgeError {}
export class BadOption extends ForgeError {}
export class RateLimited extends ForgeError {}
export class Unavailable extends ForgeError {}
export class ConnectionLost extends ForgeError {}

/** @type {Record<number, typeof ForgeError>} */
const BY_STATUS = {
  401: InvalidKey, 403: InvalidKey, 402: InsufficientCredits, 404: NotFound, 413: BadImage, 415: BadImage,
  422: BadImage, 429: RateLimited, 502: Unavailable, 503: Unavailable, 504: Unavailable,
};

/**
 * Return the error of a response.
 * @param {number} status
 * @param {string} text  the body
 * @param {number} [retryAfter]
 */
export function errorOf(status, text, retryAfter) {
  let details;
  try {
    details = JSON.parse(text);
  } catch {
    details = {};  // of a proxy
  }
  const code = details.code ?? 'internal_error';
  const Kind = code === 'edit_conflict' ? EditConflict : details.option ? BadOption : BY_STATUS[status] ?? ForgeError;
  const message = details.error ?? `The service answered with status ${status}.`;
  return new Kind(message, {status, code, requestId: details.requestId, retryAfter, details});
}

/** Return whether the same request may succeed later. @param {unknown} error */
export function isTransient(error) {
  return error instanceof ConnectionLost || error instanceof Unavailable || error instanceof RateLimited
    || (error instanceof ForgeError && error.code === 'idempotency_in_progress');
}
