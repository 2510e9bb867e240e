// @ts-check
/**
 * Shows the conversation. All of it is data from people and models: it goes into the page as text,
 * never as markup.
 */

/** Finals kept for the screen reader; those before have been read out. */
const ANNOUNCEMENTS = 4;
/** Scrolled this close to the end, the reader wants to see what comes. */
const NEAR_END_PX = 80;

const SPEAKERS = { you: 'You', assistant: 'Repartee', note: '' };

/** The parts of a turn's latency in the order in which they happen. */
const PARTS = [
  ['speech_end_to_turn_end_ms', 'Turn decided'],
  ['speech_end_to_transcript_ms', 'Words understood'],
  ['speech_end_to_first_token_ms', 'First word of the answer'],
  ['speech_end_to_first_sentence_ms', 'First sentence'],
  ['speech_end_to_first_audio_ms', 'First sound made'],
  ['speech_end_to_first_audio_sent_ms', 'First sound sent'],
];
/** How much earlier the first sound was because the answer had been begun before the turn was decided. */
const SAVED = 'saved_ms';
const WHOLE = 'speech_end_to_first_audio_sent_ms';

/** @typedef {import('./state.js').Turn} Turn */

/** The list of captions, and the voice of the screen reader. */
export class ConversationView {
  /**
   * @param {HTMLElement} list an `ol`
   * @param {HTMLElement} scroller what scrolls it
   * @param {HTMLElement} announcer a polite live region, not seen
   */
  constructor(list, scroller, announcer) {
    this.list = list;
    this.scroller = scroller;
    this.announcer = announcer;
    /** Whether the reader is at the end and wants to see what comes. */
    this.following = true;
    scroller.addEventListener('scroll', () => { this.following = this.nearEnd(); });
    new ResizeObserver(() => this.follow()).observe(scroller);
    /** @type {Map<number, { turn: Turn, element: HTMLElement }>} */
    this.shown = new Map();
  }

  /** @param {Turn[]} turns */
  render(turns) {
    this.removeOthers(turns);
    let changed = false;
    for (const turn of turns) changed = this.show(turn) || changed;
    if (changed) this.follow();
  }

  nearEnd() {
    const { scrollHeight, scrollTop, clientHeight } = this.scroller;
    return scrollHeight - scrollTop - clientHeight < NEAR_END_PX;
  }

  follow() {
    if (this.following && this.shown.size > 0) this.scroller.scrollTop = this.scroller.scrollHeight;
  }

  /** @param {Turn[]} turns */
  removeOthers(turns) {
    const kept = new Set(turns.map(({ id }) => id));
    for (const [id, { element }] of this.shown) {
      if (kept.has(id)) continue;
      element.remove();
      this.shown.delete(id);
    }
  }

  /**
   * @param {Turn} turn
   * @returns {boolean} whether the page changed
   */
  show(turn) {
    const known = this.shown.get(turn.id);
    if (known?.turn === turn) return false;
    const element = known?.element ?? this.append(turn);
    fill(element, turn);
    this.shown.set(turn.id, { turn, element });
    if (turn.final && !turn.recalled && !known?.turn.final && turn.speaker !== 'note') this.announce(turn);
    return true;
  }

  /** @param {Turn} turn */
  append(turn) {
    const element = make('li', `turn turn-${turn.speaker}`);
    if (turn.speaker !== 'note') element.append(make('span', 'who', SPEAKERS[turn.speaker]));
    element.append(make('p', 'said'), make('div', 'footnote'));
    this.list.append(element);
    return element;
  }

  /** @param {Turn} turn */
  announce(turn) {
    this.announcer.append(make('p', '', `${SPEAKERS[turn.speaker]}: ${turn.text}`));
    while (this.announcer.childElementCount > ANNOUNCEMENTS) this.announcer.firstElementChild?.remove();
  }
}

/**
 * @param {HTMLElement} element
 * @param {Turn} turn
 */
function fill(element, turn) {
  element.classList.toggle('live', !turn.final);
  element.classList.toggle('interrupted', turn.interrupted);
  const said = element.querySelector('.said');
  if (said) say(said, turn);
  const footnote = element.querySelector('.footnote');
  if (turn.metrics && !element.querySelector('.latency')) footnote?.append(latency(turn.metrics));
  if (turn.interrupted && !element.querySelector('.aside')) footnote?.append(make('span', 'aside', 'interrupted'));
}

/**
 * While it is spoken, what may still change is told apart from what hardly will.
 * @param {Element} place
 * @param {Turn} turn
 */
function say(place, { speaker, text, settled, final }) {
  const tentative = speaker === 'you' && !final;
  place.textContent = tentative ? settled : text;
  if (tentative) place.append(make('span', 'tentative', text.slice(settled.length)));
}

/**
 * @param {Record<string, number | null>} metrics
 * @returns {HTMLElement}
 */
function latency(metrics) {
  const details = make('details', 'latency');
  const summary = make('summary', '', `answered in ${seconds(metrics[WHOLE])}`);
  summary.title = 'From the end of your speech to the first sound of the answer';
  const parts = make('dl', '');
  for (const [name, label] of PARTS) {
    parts.append(make('dt', '', label), make('dd', '', seconds(metrics[name])));
  }
  if (typeof metrics[SAVED] === 'number') {
    parts.append(make('dt', '', 'Saved by beginning early'), make('dd', '', seconds(metrics[SAVED])));
  }
  details.append(summary, parts);
  return details;
}

/** @param {number | null | undefined} milliseconds */
function seconds(milliseconds) {
  return typeof milliseconds === 'number' ? `${(milliseconds / 1000).toFixed(2)} s` : '–';
}

/**
 * @param {string} name
 * @param {string} className
 * @param {string} [text]
 */
function make(name, className, text) {
  const element = document.createElement(name);
  if (className) element.className = className;
  if (text !== undefined) element.textContent = text;
  return element;
}
