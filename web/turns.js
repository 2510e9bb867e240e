// @ts-check
/** How the captions on the page change with what is said. Pure, like state.js, which calls it. */

/**
 * @typedef {object} Turn one speaker's caption
 * @property {number} id never used twice
 * @property {'you' | 'assistant' | 'note'} speaker `note`: the page's own remark
 * @property {string} text
 * @property {string} settled the beginning of it that will hardly change any more, while it is spoken
 * @property {boolean} final
 * @property {boolean} interrupted
 * @property {boolean} recalled told by the server after a lost connection; its answer may still go on
 * @property {number} session which session it belongs to; response numbers begin anew in each
 * @property {number | null} response
 * @property {Record<string, number | null> | null} metrics the parts of the latency, milliseconds
 */

/** @typedef {import('./state.js').State} State */

/** The speakers by their names in `history`. @type {Map<unknown, Turn['speaker']>} */
const SPEAKERS = new Map([['user', 'you'], ['assistant', 'assistant']]);

/**
 * @param {State} state
 * @param {{ text: string, settled: string, final: boolean }} said
 * @returns {State}
 */
export function userSaid(state, said) {
  const open = state.turns.find((turn) => turn.speaker === 'you' && !turn.final);
  if (said.text.trim() === '') {
    return open ? { ...state, turns: state.turns.filter((turn) => turn !== open) } : state;
  }
  // What does not begin the text would be shown twice.
  const settled = said.text.startsWith(said.settled) ? said.settled : '';
  return open ? changed(state, open, { ...said, settled }) : withTurn(state, { speaker: 'you', ...said, settled });
}

/**
 * @param {State} state
 * @param {number | undefined} number
 * @param {{ text: string, final: boolean, interrupted: boolean }} said
 * @returns {State}
 */
export function assistantSaid(state, number, said) {
  const response = number ?? null;
  const known = state.turns.findLast((turn) => isResponse(turn, state.session, response)) ?? recalledAnswer(state, said.text);
  if (known) {
    const late = known.final && !known.recalled && !said.final;
    return late ? state : changed(state, known, { ...said, response: response ?? known.response, recalled: false });
  }
  if (said.text.trim() === '') return state;
  const metrics = (response !== null && state.earlyMetrics[response]) || null;
  return withTurn(state, { speaker: 'assistant', response, metrics, ...said });
}

/**
 * @param {State} state
 * @param {Record<string, any>} message
 * @returns {State}
 */
export function measured(state, message) {
  const metrics = Object.fromEntries(Object.entries(message)
    .filter(([name, value]) => name.endsWith('_ms') && (value === null || typeof value === 'number')));
  const known = state.turns.findLast((turn) => isResponse(turn, state.session, message.response));
  if (known) return changed(state, known, { metrics });
  // The first sound can leave before the first words are shown.
  return { ...state, earlyMetrics: { ...state.earlyMetrics, [message.response]: metrics } };
}

/**
 * The conversation as the server remembers it, after a lost connection. It takes the place of this
 * session's turns; those that are the same stay as they are on the page, with their latency.
 * @param {State} state
 * @param {unknown} turns of a `history` message
 * @returns {State}
 */
export function recalled(state, turns) {
  const others = state.turns.filter(({ session, speaker }) => session !== state.session || speaker === 'note');
  const ours = state.turns.filter((turn) => !others.includes(turn));
  let next = { ...state, turns: others };
  for (const told of Array.isArray(turns) ? turns : []) {
    const { role, content, interrupted } = told ?? {};
    const speaker = SPEAKERS.get(role);
    if (!speaker || typeof content !== 'string') continue;
    const said = { speaker, text: content, settled: '', interrupted: interrupted === true, final: true, recalled: true };
    const same = ours.findIndex((turn) => isSame(turn, said));
    // Whatever stood before it, the server has forgotten.
    const known = same < 0 ? undefined : ours.splice(0, same + 1).at(-1);
    next = known ? { ...next, turns: [...next.turns, { ...known, ...said }] } : withTurn(next, said);
  }
  // An answer under way becomes history when it has ended.
  const answering = ours.filter(({ speaker, final }) => speaker === 'assistant' && !final);
  return { ...next, turns: [...next.turns, ...answering] };
}

/**
 * @param {Turn} turn
 * @param {{ speaker: Turn['speaker'], text: string, interrupted: boolean }} said
 */
function isSame(turn, said) {
  if (turn.speaker !== said.speaker) return false;
  if (turn.text === said.text) return true;
  // Cut to what was heard there, or not said to its end here.
  return (said.interrupted && goesOn(said.text, turn.text)) || (!turn.final && goesOn(turn.text, said.text));
}

/**
 * The answer that was cut off by a reload, of which the page no longer knows the number.
 * @param {State} state
 * @param {string} text
 */
function recalledAnswer(state, text) {
  const last = state.turns.at(-1);
  const cutOff = last?.speaker === 'assistant' && last.recalled && last.response === null;
  return cutOff && goesOn(last.text, text) ? last : undefined;
}

/**
 * Whether a text begins with another one, which may have been cut.
 * @param {string} cut perhaps with an ellipsis at its end
 * @param {string} text
 */
function goesOn(cut, text) {
  const beginning = cut.replace(/…$/, '').trimEnd();
  return beginning !== '' && text.startsWith(beginning);
}

/**
 * The conversation for the clipboard.
 * @param {State} state
 * @returns {string}
 */
export function transcript(state) {
  const names = { you: 'You', assistant: 'Assistant', note: '' };
  return state.turns
    .map(({ speaker, text }) => (speaker === 'note' ? `(${text})` : `${names[speaker]}: ${text}`))
    .join('\n');
}

/**
 * @param {Turn} turn
 * @param {number} session
 * @param {number | null} response
 */
function isResponse(turn, session, response) {
  if (turn.speaker !== 'assistant' || turn.session !== session) return false;
  return response === null ? !turn.final : turn.response === response;
}

/**
 * Closes what was still being said: nothing more will come of it.
 * @param {State} state
 * @returns {State}
 */
export function allFinal(state) {
  return { ...state, turns: state.turns.map((turn) => (turn.final ? turn : { ...turn, final: true })) };
}

/**
 * @param {State} state
 * @param {Pick<Turn, 'speaker' | 'text' | 'final'> & Partial<Turn>} turn
 * @returns {State}
 */
export function withTurn(state, turn) {
  const whole = { response: null, settled: '', interrupted: false, recalled: false, metrics: null, session: state.session, id: state.nextId, ...turn };
  return { ...state, nextId: state.nextId + 1, turns: [...state.turns, whole] };
}

/**
 * @param {State} state
 * @param {Turn} turn
 * @param {Partial<Turn>} change
 * @returns {State}
 */
function changed(state, turn, change) {
  return { ...state, turns: state.turns.map((each) => (each === turn ? { ...turn, ...change } : each)) };
}
