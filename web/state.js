// @ts-check
/**
 * What the page knows, and how each event changes it. Pure: no DOM, no clock, no sockets.
 */

import { allFinal, assistantSaid, measured, recalled, userSaid, withTurn } from './turns.js';
import { connectionWords, errorWords, microphoneWords, OUTAGE, RECORDING, SOUND_BLOCKED, SOUND_MISSING } from './words.js';

/** @typedef {import('./turns.js').Turn} Turn */

/**
 * @typedef {object} Notice
 * @property {string} key a notice replaces the one with the same key
 * @property {'error' | 'warning' | 'fact'} tone `fact`: no failure; it stays as long as it is true
 * @property {string} title
 * @property {string} text
 * @property {'retry-microphone' | 'retry-connection' | 'enable-sound' | null} action
 */

/**
 * @typedef {object} Standing
 * @property {number} position 1 is in front
 * @property {number | null} wait how long it may take, in milliseconds; `null`: nobody can tell
 */

/**
 * @typedef {object} State
 * @property {boolean} running between Start and End
 * @property {import('./connection.js').ConnectionStatus} connection
 * @property {Standing | null} standing where the caller stands in line; `null`: in none
 * @property {'off' | 'asking' | 'on' | 'failed'} microphone
 * @property {boolean} muted
 * @property {'listening' | 'hearing' | 'thinking' | 'speaking' | 'paused'} activity as the server says
 * @property {boolean} sounding whether the assistant's voice is heard now
 * @property {Turn[]} turns
 * @property {Notice[]} notices
 * @property {boolean} recording whether the server says that it records
 * @property {string[]} voices those that the caller may choose
 * @property {string | null} voice the one in use
 * @property {boolean} waiting whether a session from before a reload waits for its caller
 * @property {number} session
 * @property {number} nextId
 * @property {Record<number, Record<string, number | null>>} earlyMetrics of responses without text yet
 */

/**
 * @typedef {{ type: 'start' }
 *   | { type: 'stop' }
 *   | { type: 'connection', status: import('./connection.js').ConnectionStatus, reason: string, resumed?: boolean }
 *   | { type: 'microphone', status: 'off' | 'asking' | 'on' }
 *   | { type: 'microphone-failed', failure: import('./capture.js').MicrophoneFailure | 'lost' }
 *   | { type: 'mute', muted: boolean }
 *   | { type: 'sounding', sounding: boolean }
 *   | { type: 'sound', status: 'on' | 'blocked' | 'missing' }
 *   | { type: 'waiting', waiting: boolean }
 *   | { type: 'dismiss', key: string }
 *   | { type: 'clear' }
 *   | { type: 'message', message: Record<string, any> }} Action
 */

const ACTIVITIES = ['listening', 'hearing', 'thinking', 'speaking', 'paused'];

/** @returns {State} */
export function initialState() {
  return {
    running: false,
    connection: 'closed',
    standing: null,
    microphone: 'off',
    muted: false,
    activity: 'listening',
    sounding: false,
    turns: [],
    notices: [],
    recording: false,
    voices: [],
    voice: null,
    waiting: false,
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
      return { ...allFinal(state), running: false, standing: null, microphone: 'off', sounding: false, recording: false, waiting: false, notices: [] };
    case 'connection':
      return connectionChanged(state, action);
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
    case 'waiting':
      return { ...state, waiting: action.waiting };
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
 * @returns {'idle' | 'paused' | 'connecting' | 'queued' | 'waiting' | 'listening' | 'hearing' | 'thinking' | 'speaking' | 'muted' | 'ready'}
 */
export function activityOf(state) {
  if (!state.running) return 'idle';
  if (state.connection === 'lost' || state.connection === 'full') return 'waiting';
  if (state.connection === 'queued') return 'queued';
  if (state.connection !== 'open') return 'connecting';
  if (['hearing', 'thinking', 'paused'].includes(state.activity)) return state.activity;
  // The last sound is heard after it was sent: what is heard counts.
  if (state.sounding || state.activity === 'speaking') return 'speaking';
  if (state.microphone === 'on') return state.muted ? 'muted' : 'listening';
  return 'ready';
}

/**
 * @param {State} state
 * @param {{ status: State['connection'], reason: string, resumed?: boolean }} change
 * @returns {State}
 */
function connectionChanged(state, { status, reason, resumed }) {
  const next = { ...state, connection: status, standing: null };
  switch (status) {
    case 'open':
      return resumed ? { ...without(next, 'connection'), waiting: false } : sessionBegan(without(next, 'connection'));
    case 'queued':
      return without(next, 'connection');
    case 'lost':
    case 'full':
      // The session may still be taken up again: what is being said stays open.
      return withNotice({ ...next, sounding: false }, {
        key: 'connection',
        tone: status === 'full' ? 'warning' : 'error',
        ...connectionWords(status, reason),
        action: 'retry-connection',
      });
    case 'refused':
      return withNotice({ ...allFinal(without(next, 'recording')), running: false, microphone: 'off', sounding: false, recording: false }, {
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
 * A new session: the server remembers nothing of what stands on the page.
 * @param {State} state
 * @returns {State}
 */
function sessionBegan(state) {
  const next = {
    ...allFinal(without(state, 'recording')),
    session: state.session + 1,
    activity: /** @type {const} */ ('listening'),
    recording: false,
    waiting: false,
    earlyMetrics: {},
  };
  const last = next.turns.at(-1);
  const expected = state.waiting || (last !== undefined && last.speaker !== 'note');
  if (!expected) return next;
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
      return userSaid(state, { text, settled: typeof message.settled === 'string' ? message.settled : '', final: false });
    case 'final_user_request':
      return userSaid(state, { text, settled: '', final: true });
    case 'partial_assistant_answer':
      return assistantSaid(state, message.response, { text, final: false, interrupted: false });
    case 'final_assistant_answer':
      return assistantSaid(state, message.response, { text, final: true, interrupted: message.interrupted === true });
    case 'state':
      return ACTIVITIES.includes(message.state) ? nowDoing(state, message.state) : state;
    case 'queue':
      return standing(state, message);
    case 'welcome':
      return welcomed(state, message);
    case 'history':
      return recalled(state, message.turns);
    case 'recording':
      return recorded(state, text);
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
 * A state that was told already is told again when an engine answers again; one in which the
 * assistant speaks shows that it does.
 * @param {State} state
 * @param {State['activity']} activity
 * @returns {State}
 */
function nowDoing(state, activity) {
  const works = activity === 'speaking' || activity === state.activity;
  return { ...(works ? without(state, `error:${OUTAGE}`) : state), activity };
}

/**
 * @param {State} state
 * @param {Record<string, any>} message
 * @returns {State}
 */
function standing(state, { position, estimated_wait_ms: wait }) {
  if (!Number.isInteger(position) || position < 1) return state;
  return { ...state, standing: { position, wait: typeof wait === 'number' ? wait : null } };
}

/**
 * @param {State} state
 * @param {Record<string, any>} message
 * @returns {State}
 */
function welcomed(state, { voices, voice }) {
  const names = Array.isArray(voices) ? voices.filter((name) => typeof name === 'string') : [];
  return { ...state, voices: names, voice: typeof voice === 'string' ? voice : null };
}

/**
 * @param {State} state
 * @param {string} text the server's words
 * @returns {State}
 */
function recorded(state, text) {
  const title = text.trim() || RECORDING;
  return withNotice({ ...state, recording: true }, { key: 'recording', tone: 'fact', title, text: '', action: null });
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
