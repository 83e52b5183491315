/** One image as the page knows it; `change` is dispatched when something of it changes. */
export class Picture extends EventTarget {
  constructor(about) {
    super();
    Object.assign(this, {status: 'uploaded', edited: [], chosen: false, version: null, preview: ''}, about);
  }

  get alt() {
    return this.metadata?.alt || `${this.originalFilename}, ${this.decorative ? 'decorative' : 'not described yet'}`;
  }

  /** Take over the state of the image as the service has it; what it does not have is absent there. */
  replace(state) {
    this.set({decorative: undefined, unusedKeywords: undefined, translations: undefined, translationErrors: undefined, ...state});
  }

  get isOpen() {
    return this.status === 'queued' || this.status === 'processing';
  }

  get suffix() {
    return this.uploadPath.split('.').pop();
  }

  set(changes) {
    Object.assign(this, changes);
    this.dispatchEvent(new Event('change'));
  }

  /** Take over an event of the job; `version` is then unknown until the image is read. */
  apply({type, data}) {
    if (type === 'progress' && this.status !== 'succeeded') this.set({status: 'processing', jobId: data.jobId});
    if (type === 'error') this.set({status: data.code === 'cancelled' ? 'cancelled' : 'failed', error: data.error, code: data.code, jobId: data.jobId});
    if (type === 'result') {
      const {metadata, kind, confidence, needsReview, decorative, unusedKeywords, translations, translationErrors, jobId} = data;
      const whole = {...this.metadata, ...metadata};  // of some fields alone where the options named them
      this.set({status: 'succeeded', metadata: whole, kind, confidence, needsReview, decorative, unusedKeywords, translations, translationErrors, jobId, error: '', version: null});
    }
  }

  /** Return a URL of the image for this page: the dropped file, or a thumbnail of the service. */
  async url(forge, size) {
    if (size === 256 && this.preview) return this.preview;
    this.urls ??= {};
    this.urls[size] ??= forge.thumbnail(this.sessionId, this.id, size).then((blob) => URL.createObjectURL(blob));
    this.urls[size].catch(() => { delete this.urls[size]; });
    return this.urls[size];
  }

  release() {
    if (this.preview) URL.revokeObjectURL(this.preview);
    for (const url of Object.values(this.urls ?? {})) url.then(URL.revokeObjectURL, () => {});
  }
}
