import {$, element, plural} from './dom.js';

const PAGE = 8;
const SHOWN = 8;

/** The list of sessions, newest first. */
export class History {
  constructor(studio) {
    this.studio = studio;
    this.list = $('#sessions');
    let typing;
    $('#query').addEventListener('input', () => { clearTimeout(typing); typing = setTimeout(() => this.load(), 250); });
    $('#search').addEventListener('submit', (event) => { event.preventDefault(); this.load(); });
    $('#more').addEventListener('click', () => this.load(this.cursor));
  }

  async load(cursor) {
    const query = $('#query').value.trim();
    this.query = query;
    try {
      const {data, nextCursor} = await this.studio.forge.sessions({q: query, cursor, limit: PAGE, include: 'results'});
      if (query !== this.query) return;  // an answer that came late
      this.cursor = nextCursor;
      const items = data.map((session) => this.item(session));
      if (cursor) this.list.append(...items);
      else this.list.replaceChildren(...items);
      $('#more').hidden = !nextCursor;
      $('#no-sessions').hidden = this.list.children.length > 0;
      $('#no-sessions').textContent = query ? `No session has an image with “${query}”.` : 'Sessions appear here once you have dropped images.';
    } catch (error) {
      this.studio.notice(error);
    }
  }

  item(session) {
    const {images, nextCursor, sessionId} = session;
    const when = new Date(session.createdAt).toLocaleString(undefined, {dateStyle: 'long', timeStyle: 'short'});
    const until = new Date(session.expiresAt).toLocaleString(undefined, {dateStyle: 'medium', timeStyle: 'short'});
    const open = element('button', {textContent: 'Open', 'aria-label': `Open the session of ${when}`});
    open.addEventListener('click', () => this.studio.openSession(sessionId));
    const remove = element('button', {className: 'quiet', textContent: 'Delete', 'aria-label': `Delete the session of ${when}`});
    const strip = element('div', {className: 'strip'}, ...images.slice(0, SHOWN).map((image) => this.thumbnail(sessionId, image)));
    const count = nextCursor ? `more than ${images.length} images` : plural(images.length, 'image');
    const item = element('li', {}, element('div', {className: 'head'}, element('h2', {textContent: when}), element('span', {className: 'hint', textContent: `${count}, kept until ${until}`}), open, remove), strip);
    remove.addEventListener('click', () => this.remove(sessionId, remove, item));
    remove.addEventListener('blur', () => { remove.textContent = 'Delete'; });
    return item;
  }

  thumbnail(sessionId, image) {
    const img = element('img', {alt: image.metadata?.alt || image.originalFilename, loading: 'lazy'});
    this.studio.forge.thumbnail(sessionId, image.id).then((blob) => {
      img.onload = () => URL.revokeObjectURL(img.src);
      img.src = URL.createObjectURL(blob);
    }, () => img.replaceWith(element('span', {textContent: 'No preview'})));
    return img;
  }

  /** The second click deletes. */
  async remove(sessionId, button, item) {
    if (button.textContent === 'Delete') {
      button.textContent = 'Delete for good?';
      return;
    }
    try {
      await this.studio.forge.deleteSession(sessionId);
      item.remove();
      this.studio.forget(sessionId);
      this.studio.say('The session is deleted.');
      $('#query').focus();
    } catch (error) {
      this.studio.notice(error);
    }
  }
}
