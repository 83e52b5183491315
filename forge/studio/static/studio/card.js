import {$, element, limited} from './dom.js';

const oneOfFew = limited(4);
const seen = new IntersectionObserver((entries) => {
  for (const {isIntersecting, target} of entries) {
    if (isIntersecting) { seen.unobserve(target); target.load(); }
  }
}, {rootMargin: '400px'});

const WORDS = {uploading: 'Uploading', uploaded: 'Not described yet', queued: 'Waiting', processing: 'Looking', cancelled: 'Cancelled', failed: 'Failed'};

/** A card of one image: `picture` and `forge` are set before it is added; it dispatches `open`, `again` and `choose`. */
class ImageCard extends HTMLElement {
  connectedCallback() {
    if (this.firstChild) return;
    this.image = element('img', {hidden: true});
    this.frame = element('div', {className: 'frame'}, this.image, element('span', {textContent: '…', ariaHidden: 'true'}));
    this.text = element('div', {className: 'text'});
    this.box = element('input', {type: 'checkbox'});
    this.badges = element('div', {className: 'badges'});
    this.box.addEventListener('change', () => { this.picture.chosen = this.box.checked; this.emit('choose'); });
    this.append(this.frame, this.text, element('label', {className: 'check'}, this.box, this.boxName = element('span', {className: 'hidden-text'})), this.badges);
    this.picture.addEventListener('change', this.update = () => this.show());
    this.show();
    seen.observe(this);
  }

  disconnectedCallback() {
    seen.unobserve(this);
  }

  emit(name) {
    this.dispatchEvent(new CustomEvent(name, {bubbles: true, detail: this.picture}));
  }

  async load() {
    if (!this.picture.preview && !this.picture.id) return;
    try {
      const url = await oneOfFew(() => this.picture.url(this.forge, 256));
      this.image.onerror = () => {  // a format that this browser does not show
        this.image.hidden = true;
        if (this.picture.preview) { this.picture.preview = ''; this.load(); }
      };
      this.image.onload = () => { this.image.hidden = false; this.image.nextElementSibling.hidden = true; };
      this.image.src = url;
    } catch {
      this.image.nextElementSibling.textContent = 'No preview';
    }
  }

  show() {
    const {picture} = this;
    const {metadata, status} = picture;
    if (picture.id && !this.image.src) seen.observe(this);
    this.dataset.status = status;
    this.image.alt = picture.alt;
    this.box.checked = picture.chosen;
    this.boxName.textContent = `Choose ${picture.originalFilename}`;
    const title = metadata?.title ?? WORDS[status] ?? status;
    const open = element('button', {className: 'open', textContent: title, disabled: !picture.id});
    open.addEventListener('click', () => this.emit('open'));
    const hadFocus = this.contains(document.activeElement) && document.activeElement.className === 'open';
    const canRepeat = picture.uploadPath && ['failed', 'cancelled', 'uploaded'].includes(status);
    const again = canRepeat && element('button', {className: 'again', textContent: status === 'uploaded' ? 'Describe' : 'Try again'});
    if (again) again.addEventListener('click', () => this.emit('again'));
    this.text.replaceChildren(element('h3', {}, open), ...[
      element('p', {className: 'caption', textContent: picture.error || metadata?.caption || ''}), again,
      element('p', {className: 'name', textContent: metadata?.filename ? `${metadata.filename}.${picture.suffix}` : picture.originalFilename}),
    ].filter(Boolean));
    const badge = (text, kind) => element('span', {className: `badge ${kind}`, textContent: text});
    this.badges.replaceChildren(...[
      status === 'failed' && badge('Failed', 'bad'),
      picture.needsReview && status === 'succeeded' && badge('Needs review', 'warn'),
      picture.decorative && badge('Decorative', 'mine'),
      picture.edited.length > 0 && badge('Edited', 'mine'),
    ].filter(Boolean));
    if (hadFocus) $('.open', this).focus();
  }
}
customElements.define('image-card', ImageCard);
