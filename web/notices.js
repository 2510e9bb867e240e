// @ts-check
/** Shows what went wrong, with a way out where there is one, and what callers must know. */

/** @type {Record<string, string>} */
const ACTIONS = {
  'retry-microphone': 'Use the microphone',
  'retry-connection': 'Try now',
  'enable-sound': 'Turn sound on',
};

/** @typedef {import('./state.js').Notice} Notice */

/** The notices at the top of the page. */
export class NoticesView {
  /**
   * @param {HTMLElement} place
   * @param {{ act: (action: NonNullable<Notice['action']>) => void, dismiss: (key: string) => void }} events
   */
  constructor(place, events) {
    this.place = place;
    this.events = events;
    /** @type {Map<string, { notice: Notice, element: HTMLElement }>} */
    this.shown = new Map();
  }

  /** @param {Notice[]} notices */
  render(notices) {
    const kept = new Map(notices.map((notice) => [notice.key, notice]));
    for (const [key, { notice, element }] of this.shown) {
      if (same(notice, kept.get(key))) continue;
      element.remove();
      this.shown.delete(key);
    }
    for (const notice of notices) {
      // What stays is not touched: a screen reader would say it again.
      if (this.shown.has(notice.key)) continue;
      const element = this.build(notice);
      this.place.append(element);
      this.shown.set(notice.key, { notice, element });
    }
  }

  /** @param {Notice} notice */
  build(notice) {
    const element = document.createElement('div');
    element.className = `notice notice-${notice.tone}`;
    element.dataset.key = notice.key;
    const isFact = notice.tone === 'fact';
    element.setAttribute('role', isFact ? 'status' : 'alert');
    const words = document.createElement('div');
    words.className = 'notice-words';
    const title = document.createElement('strong');
    title.textContent = notice.title;
    words.append(title, ' ', notice.text, ' ');
    element.append(words);
    const { action } = notice;
    if (action) words.append(button(ACTIONS[action], 'notice-action', () => this.events.act(action)));
    if (isFact) return element;
    const dismiss = button('×', 'notice-dismiss', () => this.events.dismiss(notice.key));
    dismiss.setAttribute('aria-label', `Dismiss: ${notice.title}`);
    element.append(dismiss);
    return element;
  }
}

/**
 * @param {Notice} notice
 * @param {Notice | undefined} other
 */
function same(notice, other) {
  return other !== undefined && notice.title === other.title && notice.text === other.text
    && notice.action === other.action;
}

/**
 * @param {string} label
 * @param {string} className
 * @param {() => void} press
 */
function button(label, className, press) {
  const element = document.createElement('button');
  element.type = 'button';
  element.className = className;
  element.textContent = label;
  element.addEventListener('click', press);
  return element;
}
