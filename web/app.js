// @ts-check
/** Wires the page: buttons to the call, the call's events to the state, the state to the page. */

import { Call } from './call.js';
import { ConversationView } from './conversation.js';
import { NoticesView } from './notices.js';
import { Orb } from './orb.js';
import { tokenOfThisTab } from './resume-token.js';
import { activityOf, initialState, reduce } from './state.js';
import { transcript } from './turns.js';
import { standingWords } from './words.js';

/** How often the level meter moves. */
const METER_MS = 100;
/** How long a button says that it has done its work. */
const DONE_MS = 1_600;
const PACE_KEY = 'repartee.pace';
const VOICE_KEY = 'repartee.voice';

const ACTIVITY_WORDS = {
  idle: 'Ready when you are',
  connecting: 'Connecting…',
  queued: 'Waiting for a place',
  waiting: 'Waiting for the server…',
  ready: 'Type to talk',
  listening: 'Listening',
  hearing: 'Hearing you',
  thinking: 'Thinking',
  speaking: 'Speaking',
  paused: 'Go on, I’m listening',
  muted: 'Muted',
};

const CONNECTION_WORDS = {
  closed: 'Not connected',
  connecting: 'Connecting',
  queued: 'In line',
  open: 'Connected',
  lost: 'Reconnecting',
  full: 'Server full',
  refused: 'Refused',
};

const page = {
  start: button('start'),
  startLabel: element('start-label'),
  mute: button('mute'),
  muteLabel: element('mute-label'),
  hush: button('hush'),
  clear: button('clear'),
  copy: button('copy'),
  copyLabel: element('copy-label'),
  text: /** @type {HTMLInputElement} */ (element('text')),
  pace: /** @type {HTMLInputElement} */ (element('pace')),
  voice: /** @type {HTMLSelectElement} */ (element('voice')),
  voiceRow: element('voice-row'),
  recording: element('recording'),
  activity: element('activity'),
  standing: element('standing'),
  connection: element('connection'),
  meter: element('microphone-level'),
  orb: /** @type {HTMLCanvasElement} */ (element('orb')),
};

let state = initialState();
/** @type {Call | null} */
let call = null;
let rendering = false;

const conversation = new ConversationView(element('captions'), element('script'), element('announcer'));
const notices = new NoticesView(element('notices'), {
  act: actOn,
  dismiss: (key) => dispatch({ type: 'dismiss', key }),
});

/** @type {import('./call.js').Dispatch} */
function dispatch(action) {
  state = reduce(state, action);
  if (!state.running && call) endCall();
  if (rendering) return;
  rendering = true;
  // Many messages come at once; the page needs to show only where they led.
  queueMicrotask(() => {
    rendering = false;
    render();
  });
}

/** @returns {Call} the call, begun if there is none */
function running() {
  if (call) return call;
  call = new Call(dispatch, { pace: Number(page.pace.value), voice: recall(VOICE_KEY) });
  if (state.muted) call.mute();
  call.begin();
  return call;
}

function endCall() {
  call?.end();
  call = null;
}

function startOrEnd() {
  if (state.running) {
    endCall();
    dispatch({ type: 'stop' });
    dispatch({ type: 'connection', status: 'closed', reason: '' });
  } else {
    running().openMicrophone();
  }
}

function muteOrUse() {
  if (state.microphone !== 'on') running().openMicrophone();
  else if (state.muted) running().unmute();
  else running().mute();
}

/** @param {SubmitEvent} event */
function send(event) {
  event.preventDefault();
  const text = page.text.value.trim();
  if (text === '') return;
  running().type(text);
  page.text.value = '';
}

function clear() {
  call?.clear();
  dispatch({ type: 'clear' });
}

async function copy() {
  await copyText(transcript(state));
  page.copyLabel.textContent = 'Copied';
  setTimeout(() => { page.copyLabel.textContent = 'Copy'; }, DONE_MS);
}

/** @param {string} text */
async function copyText(text) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    // Insecure addresses have no clipboard object; the old way still works there.
    const area = document.createElement('textarea');
    area.value = text;
    document.body.append(area);
    area.select();
    document.execCommand('copy');
    area.remove();
  }
}

/** @param {NonNullable<import('./state.js').Notice['action']>} action */
function actOn(action) {
  if (action === 'retry-microphone') running().openMicrophone();
  else if (action === 'retry-connection') call?.connection.retryNow();
  else call?.resumeSound();
}

function render() {
  const activity = activityOf(state);
  document.body.dataset.activity = activity;
  document.body.dataset.connection = state.connection;
  document.body.dataset.microphone = state.microphone;
  document.body.dataset.conversation = state.turns.length > 0 ? 'some' : 'none';
  document.body.dataset.waiting = state.waiting ? 'yes' : 'no';
  page.activity.textContent = ACTIVITY_WORDS[activity];
  page.connection.textContent = CONNECTION_WORDS[state.connection];
  say(page.standing, state.standing ? standingWords(state.standing) : '');
  page.startLabel.textContent = startWords();
  page.recording.hidden = !state.recording;
  // Not `disabled`: that would take the keyboard's focus away each time an answer ends.
  page.hush.setAttribute('aria-disabled', String(!canHush()));
  page.clear.disabled = state.turns.length === 0;
  page.copy.disabled = state.turns.length === 0;
  renderMute();
  renderVoices();
  conversation.render(state.turns);
  notices.render(state.notices);
}

/**
 * Only what is new: a screen reader says again what is set again.
 * @param {HTMLElement} place
 * @param {string} words
 */
function say(place, words) {
  if (place.textContent !== words) place.textContent = words;
}

function startWords() {
  if (state.connection === 'queued') return 'Leave the line';
  if (state.running) return 'End';
  return state.waiting ? 'Continue talking' : 'Start talking';
}

function canHush() {
  return ['speaking', 'thinking', 'paused'].includes(activityOf(state)) || state.sounding;
}

function hush() {
  if (canHush()) call?.hush();
}

function renderMute() {
  const inUse = state.microphone === 'on';
  page.mute.disabled = !state.running || state.microphone === 'asking';
  page.muteLabel.textContent = inUse || !state.running ? (state.muted ? 'Unmute' : 'Mute') : 'Use microphone';
  page.mute.classList.toggle('off', state.muted && inUse);
}

function renderVoices() {
  const { voices } = state;
  page.voiceRow.hidden = voices.length < 2;
  // An open list would close if it were built anew.
  if (Array.from(page.voice.options, ({ value }) => value).join('\n') === voices.join('\n')) return;
  page.voice.replaceChildren(...voices.map((name) => new Option(name, name)));
  const chosen = recall(VOICE_KEY) ?? '';
  page.voice.value = voices.includes(chosen) ? chosen : state.voice ?? '';
}

function renderLevels() {
  const { microphone, voice } = call?.levels ?? { microphone: 0, voice: 0 };
  const shown = Math.min(100, Math.round(Math.sqrt(microphone) * 160));
  page.meter.setAttribute('aria-valuenow', String(shown));
  page.meter.style.setProperty('--level', String(shown / 100));
  page.orb.dataset.microphone = microphone.toFixed(4);
  page.orb.dataset.voice = voice.toFixed(4);
}

function pace() {
  call?.pace(Number(page.pace.value));
  remember(PACE_KEY, page.pace.value);
}

function voice() {
  call?.speakAs(page.voice.value);
  remember(VOICE_KEY, page.voice.value);
}

/**
 * @param {string} key
 * @param {string} value
 */
function remember(key, value) {
  try {
    localStorage.setItem(key, value);
  } catch {
    // Private windows may have no storage; the choice then lasts as long as the page.
  }
}

/**
 * @param {string} key
 * @returns {string | null}
 */
function recall(key) {
  try {
    return localStorage.getItem(key);
  } catch {
    return null; // As above.
  }
}

/** A reload in the midst of a conversation: say that it can go on, as long as it can. */
function offerToContinue() {
  const { left } = tokenOfThisTab();
  if (left === 0) return;
  dispatch({ type: 'waiting', waiting: true });
  setTimeout(() => {
    if (!call) dispatch({ type: 'waiting', waiting: false });
  }, left);
}

/** @param {KeyboardEvent} event */
function key(event) {
  call?.resumeSound();
  if (event.key === 'Escape') hush();
}

function listen() {
  page.start.addEventListener('click', startOrEnd);
  page.mute.addEventListener('click', muteOrUse);
  page.hush.addEventListener('click', hush);
  page.clear.addEventListener('click', clear);
  page.copy.addEventListener('click', copy);
  page.pace.addEventListener('input', pace);
  page.voice.addEventListener('change', voice);
  element('composer').addEventListener('submit', (event) => send(/** @type {SubmitEvent} */ (event)));
  document.addEventListener('keydown', key);
  document.addEventListener('pointerdown', () => call?.resumeSound());
  document.addEventListener('visibilitychange', () => {
    if (!document.hidden) call?.wake();
  });
  addEventListener('online', () => call?.wake());
  addEventListener('pagehide', () => call?.leave());
  navigator.mediaDevices?.addEventListener('devicechange', () => {
    if (call && state.microphone === 'failed' && state.notices.some(({ key: of }) => of === 'microphone')) {
      retryQuietly(call);
    }
  });
  setInterval(renderLevels, METER_MS);
}

/**
 * A device was plugged in: use it, if it is a microphone.
 * @param {Call} target
 */
async function retryQuietly(target) {
  const devices = await navigator.mediaDevices.enumerateDevices();
  if (devices.some(({ kind }) => kind === 'audioinput')) await target.openMicrophone();
}

/** @param {string} id */
function element(id) {
  const found = document.getElementById(id);
  if (!found) throw new Error(`the page has no #${id}`);
  return found;
}

/** @param {string} id */
function button(id) {
  return /** @type {HTMLButtonElement} */ (element(id));
}

page.pace.value = recall(PACE_KEY) ?? page.pace.value;
listen();
offerToContinue();
render();
new Orb(page.orb, () => ({
  activity: activityOf(state),
  microphone: call?.levels.microphone ?? 0,
  voice: call?.levels.voice ?? 0,
}));
