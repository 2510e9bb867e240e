// @ts-check
/**
 * What the page knows, and how each event changes it. Pure: no DOM, no clock, no sockets.
 */

import { connectionWords, errorWords, microphoneWords, SOUND_BLOCKED, SOUND_MISSING } from './words.js';

/**
 * @typedef {object} Turn one speaker's caption
 * @property {number} id never used twice
 * @property {'you' | 'assistant' | 'note'} speaker `note`: the page's own remark
 * @property {string} text
 * @property {boolean} final
 * @property {boolean} interrupted
 * @property {number} session which connection it belongs to; response numbers begin anew in each
 * @property {number | null} response
 * @property {Record<string, number | null> | null} metrics the parts of the latency, milliseconds
 */

/**
 * @typedef {object} Notice
 * @property {string} key a notice replaces the one with the same key
 * @property {'error' | 'warning'} tone
 * @property {string} title
 * @property {string} text
 * @property {'retry-microphone' | 'retry-connection' | 'enable-sound' | null} action
 */

/**
 * @typedef {object} State
 * @property {boolean} running between Start and End
 * @property {import('./connection.js').ConnectionStatus} connection
 * @property {'off' | 'asking' | 'on' | 'failed'} microphone
 * @property {boolean} muted
 * @property {'listening' | 'hearing' | 'thinking' | 'speaking'} activity as the server says
 * @property {boolean} sounding whether the assistant's voice is heard now
 * @property {Turn[]} turns
 * @property {Notice[]} notices
 * @property {number} session
 * @property {number} nextId
 * @property {Record<number, Record<string, number | null>>} earlyMetrics of responses without text yet
 */

/**
 * @typedef {{ type: 'start' }
 *   | { type: 'stop' }
 *   | { type: 'connection', status: import('./connection.js').ConnectionStatus, reason: string }
 *   | { type: 'microphone', status: 'off' | 'asking' | 'on' }
 *   | { type: 'microphone-failed', failure: import('./capture.js').MicrophoneFailure | 'lost' }
 *   | { type: 'mute', muted: boolean }
 *   | { type: 'sounding', sounding: boolean }
 *   | { type: 'sound', status: 'on' | 'blocked' | 'missing' }
 *   | { type: 'dismiss', key: string }
 *   | { type: 'clear' }
 *   | { type: 'message', message: Record<string, any> }} Action
 */

const ACTIVITIES = ['listening', 'hearing', 'thinking', 'speaking'];

/** @returns {State} */
export function initialState() {
  return {
    running: false,
    connection: 'closed',
    microphone: 'off',
    muted: false,
    activity: 'listening',
    sounding: false,
    turns: [],
    notices: [],
    session: 0,
    nextId: 1,
    earlyMetrics: {},
  };
}

/**
 * The state after an action; the state before is left as it is.
 * @param {State} state
 * @param {Action} action
 * @returns {State}
 */
export function reduce(state, action) {
  switch (action.type) {
    case 'start':
      return { ...state, running: true };
    case 'stop':
      return { ...settled(state), running: false, microphone: 'off', sounding: false, notices: [] };
    case 'connection':
      return connectionChanged(state, action.status, action.reason);
    case 'microphone':
      return { ...without(state, 'microphone'), microphone: action.status };
    case 'microphone-failed':
      return microphoneFailed(state, action.failure);
    case 'mute':
      return { ...state, muted: action.muted };
    case 'sounding':
      return { ...state, sounding: action.sounding };
    case 'sound':
      return soundChanged(state, action.status);
    case 'dismiss':
      return without(state, action.key);
    case 'clear':
      return { ...state, turns: [], earlyMetrics: {} };
    case 'message':
      return messageArrived(state, action.message);
    default:
      return state;
  }
}

/**
 * What the page shows as going on now.
 * @param {State} state
 * @returns {'idle' | 'connecting' | 'waiting' | 'listening' | 'hearing' | 'thinking' | 'speaking' | 'muted' | 'ready'}
 */
export function activityOf(state) {
  if (!state.running) return 'idle';
  if (state.connection === 'lost' || state.connection === 'full') return 'waiting';
  if (state.connection !== 'open') return 'connecting';
  if (state.activity === 'hearing' || state.activity === 'thinking') return state.activity;
  // The last sound is heard after it was sent: what is heard counts.
  if (state.sounding || state.activity === 'speaking') return 'speaking';
  if (state.microphone === 'on') return state.muted ? 'muted' : 'listening';
  return 'ready';
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
 * @param {State} state
 * @param {State['connection']} status
 * @param {string} reason
 * @returns {State}
 */
function connectionChanged(state, status, reason) {
  const next = { ...state, connection: status };
  switch (status) {
    case 'open':
      return sessionBegan(without(next, 'connection'));
    case 'lost':
    case 'full':
      return withNotice({ ...settled(next), sounding: false }, {
        key: 'connection',
        tone: status === 'full' ? 'warning' : 'error',
        ...connectionWords(status, reason),
        action: 'retry-connection',
      });
    case 'refused':
      return withNotice({ ...settled(next), running: false, microphone: 'off', sounding: false }, {
        key: 'connection',
        tone: 'error',
        ...connectionWords(status, reason),
        action: null,
      });
    default:
      return next;
  }
}

/**
 * A new socket is a new session: the server remembers nothing of what stands on the page.
 * @param {State} state
 * @returns {State}
 */
function sessionBegan(state) {
  const next = { ...settled(state), session: state.session + 1, activity: /** @type {const} */ ('listening'), earlyMetrics: {} };
  const last = next.turns.at(-1);
  if (!last || last.speaker === 'note') return next;
  return withTurn(next, { speaker: 'note', text: 'A new conversation begins here.', final: true });
}

/**
 * @param {State} state
 * @param {import('./capture.js').MicrophoneFailure | 'lost'} failure
 * @returns {State}
 */
function microphoneFailed(state, failure) {
  // One address, one notice: the words about it speak of the sound as well.
  const rest = failure === 'insecure' ? without(state, 'sound') : state;
  return withNotice({ ...rest, microphone: 'failed' }, {
    key: 'microphone',
    tone: 'warning',
    ...microphoneWords(failure),
    action: failure === 'insecure' ? null : 'retry-microphone',
  });
}

/**
 * @param {State} state
 * @param {'on' | 'blocked' | 'missing'} status
 * @returns {State}
 */
function soundChanged(state, status) {
  if (status === 'on') return without(state, 'sound');
  const blocked = status === 'blocked';
  const toldAlready = state.notices.some(({ key, action }) => key === 'microphone' && action === null);
  if (toldAlready && !blocked) return state;
  return withNotice(state, {
    key: 'sound',
    tone: 'warning',
    ...(blocked ? SOUND_BLOCKED : SOUND_MISSING),
    action: blocked ? 'enable-sound' : null,
  });
}

/**
 * @param {State} state
 * @param {Record<string, any>} message
 * @returns {State}
 */
function messageArrived(state, message) {
  const text = typeof message.content === 'string' ? message.content : '';
  switch (message.type) {
    case 'partial_user_request':
      return userSaid(state, text, false);
    case 'final_user_request':
      return userSaid(state, text, true);
    case 'partial_assistant_answer':
      return assistantSaid(state, message.response, { text, final: false, interrupted: false });
    case 'final_assistant_answer':
      return assistantSaid(state, message.response, { text, final: true, interrupted: message.interrupted === true });
    case 'state':
      return ACTIVITIES.includes(message.state) ? { ...state, activity: message.state } : state;
    case 'turn_metrics':
      return measured(state, message);
    case 'cleared':
      return reduce(state, { type: 'clear' });
    case 'error':
      return failed(state, String(message.code));
    default:
      return state;
  }
}

/**
 * @param {State} state
 * @param {string} text
 * @param {boolean} final
 * @returns {State}
 */
function userSaid(state, text, final) {
  const open = state.turns.find((turn) => turn.speaker === 'you' && !turn.final);
  if (text.trim() === '') {
    return open ? { ...state, turns: state.turns.filter((turn) => turn !== open) } : state;
  }
  return open ? changed(state, open, { text, final }) : withTurn(state, { speaker: 'you', text, final });
}

/**
 * @param {State} state
 * @param {number | undefined} number
 * @param {{ text: string, final: boolean, interrupted: boolean }} said
 * @returns {State}
 */
function assistantSaid(state, number, said) {
  const response = number ?? null;
  const known = state.turns.findLast((turn) => isResponse(turn, state.session, response));
  if (known) return known.final && !said.final ? state : changed(state, known, said);
  if (said.text.trim() === '') return state;
  const metrics = (response !== null && state.earlyMetrics[response]) || null;
  return withTurn(state, { speaker: 'assistant', response, metrics, ...said });
}

/**
 * @param {State} state
 * @param {Record<string, any>} message
 * @returns {State}
 */
function measured(state, message) {
  const metrics = Object.fromEntries(Object.entries(message)
    .filter(([name, value]) => name.endsWith('_ms') && (value === null || typeof value === 'number')));
  const known = state.turns.findLast((turn) => isResponse(turn, state.session, message.response));
  if (known) return changed(state, known, { metrics });
  // The first sound can leave before the first words are shown.
  return { ...state, earlyMetrics: { ...state.earlyMetrics, [message.response]: metrics } };
}

/**
 * @param {State} state
 * @param {string} code
 * @returns {State}
 */
function failed(state, code) {
  if (code === 'unknown_type') return state; // An older server; nothing is lost.
  return withNotice(state, { key: `error:${code}`, tone: 'error', ...errorWords(code), action: null });
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
function settled(state) {
  return { ...state, turns: state.turns.map((turn) => (turn.final ? turn : { ...turn, final: true })) };
}

/**
 * @param {State} state
 * @param {Pick<Turn, 'speaker' | 'text' | 'final'> & Partial<Turn>} turn
 * @returns {State}
 */
function withTurn(state, turn) {
  const whole = { response: null, interrupted: false, metrics: null, session: state.session, id: state.nextId, ...turn };
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

/**
 * @param {State} state
 * @param {Notice} notice
 * @returns {State}
 */
function withNotice(state, notice) {
  return { ...state, notices: [...state.notices.filter(({ key }) => key !== notice.key), notice] };
}

/**
 * @param {State} state
 * @param {string} key
 * @returns {State}
 */
function without(state, key) {
  return { ...state, notices: state.notices.filter((notice) => notice.key !== key) };
}
