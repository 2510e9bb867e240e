// @ts-check
/**
 * One call, from Start to End: ties connection, microphone and playback together. Says what
 * happens as actions of state.js; knows nothing of the page's elements.
 */

import { decodeFrame, encodeFrame, KIND_MICROPHONE, KIND_SPEECH } from './audio-frame.js';
import { Capture, MicrophoneError } from './capture.js';
import { Connection } from './connection.js';
import { Playback } from './playback.js';

/** The protocol's highest rate; a studio interface may run faster. */
const HIGHEST_RATE = 96_000;
const USUAL_RATE = 48_000;
/** A browser that lets sound start has started it by then. */
const SOUND_WAIT_MS = 1_000;

/** @typedef {(action: import('./state.js').Action) => void} Dispatch */

/** A conversation with the server, over as many sockets as it takes. */
export class Call {
  /**
   * @param {Dispatch} dispatch
   * @param {{ pace: number, voice: string | null }} wishes `pace`: 0 (fast) to 100 (slow);
   * `voice`: null leaves it to the server
   */
  constructor(dispatch, { pace, voice }) {
    this.dispatch = dispatch;
    this.speed = pace;
    this.voice = voice;
    this.ended = false;
    this.muted = false;
    /** Loudness of both sides now, 0 to 1, for whoever draws it. */
    this.levels = { microphone: 0, voice: 0 };
    /** Samples of the microphone sent in this session. */
    this.sent = 0;
    /** @type {Record<string, any>[]} Asked for while the server was not there. */
    this.unsent = [];
    /** @type {Capture | null} */
    this.capture = null;
    /** @type {Playback | null} */
    this.playback = null;
    /** Whether it has turned out that there is no way to play sound here. */
    this.soundless = false;
    /** @type {WakeLockSentinel | null} */
    this.wakeLock = null;
    this.context = openContext();
    this.context.onstatechange = () => this.soundState();
    this.connection = new Connection(addresses(), () => this.hello(), {
      status: (status, detail) => this.connectionStatus(status, detail),
      message: (message) => this.message(message),
      audio: (bytes) => this.audio(bytes),
    });
  }

  /** Starts the sound and the connection. Call it from a click, else browsers keep the sound off. */
  async begin() {
    this.dispatch({ type: 'start' });
    this.resumeSound();
    setTimeout(() => this.soundState(), SOUND_WAIT_MS);
    this.keepAwake();
    await this.openPlayback();
    if (!this.ended) this.connection.open();
  }

  /** Ends the call and gives everything back. */
  end() {
    this.ended = true;
    this.capture?.close();
    this.connection.close();
    this.context.onstatechange = null;
    this.context.close();
    this.wakeLock?.release();
    this.levels = { microphone: 0, voice: 0 };
  }

  async openPlayback() {
    try {
      this.playback = await Playback.open(this.context, {
        position: (message) => this.connection.send(message),
        report: (report) => {
          this.levels.voice = report.level;
          this.dispatch({ type: 'sounding', sounding: report.playing });
        },
      });
    } catch {
      // No worklets on this address or in this browser: the answers come as text.
      this.soundless = true;
      this.soundState();
    }
  }

  /** Asks for the microphone; the call goes on without it when there is none. */
  async openMicrophone() {
    this.capture?.close();
    this.capture = null;
    this.dispatch({ type: 'microphone', status: 'asking' });
    try {
      const capture = await Capture.open(this.context, (frame) => this.frame(frame), () => this.microphoneLost());
      if (this.ended) {
        capture.close();
        return;
      }
      this.capture = capture;
      if (this.muted) capture.mute();
      this.dispatch({ type: 'microphone', status: 'on' });
    } catch (error) {
      const failure = error instanceof MicrophoneError ? error.failure : 'failed';
      if (!this.ended) this.dispatch({ type: 'microphone-failed', failure });
    }
  }

  /** The device is gone: another may be there, else say so. */
  async microphoneLost() {
    this.levels.microphone = 0;
    this.dispatch({ type: 'microphone-failed', failure: 'lost' });
    const devices = await navigator.mediaDevices.enumerateDevices();
    if (!this.ended && devices.some(({ kind }) => kind === 'audioinput')) await this.openMicrophone();
  }

  mute() {
    this.muted = true;
    this.levels.microphone = 0;
    this.capture?.mute();
    this.dispatch({ type: 'mute', muted: true });
  }

  unmute() {
    this.muted = false;
    this.capture?.unmute();
    this.dispatch({ type: 'mute', muted: false });
  }

  /** @param {string} text a typed turn; kept until the server is there */
  type(text) {
    this.resumeSound();
    this.ask({ type: 'text', text });
  }

  /** @param {Record<string, any>} message sent now, or when the server is there */
  ask(message) {
    if (!this.connection.send(message)) this.unsent.push(message);
  }

  /** Stops the assistant now, without waiting for the server to agree. */
  hush() {
    const heard = this.playback?.heardNow();
    this.playback?.stop();
    if (heard) this.connection.send(heard);
    this.ask({ type: 'cancel' });
  }

  /** Forgets the conversation, here and there. */
  clear() {
    this.playback?.stop();
    this.ask({ type: 'clear_history' });
  }

  /** @param {number} speed 0 (fast) to 100 (slow) */
  pace(speed) {
    this.speed = speed;
    this.connection.send({ type: 'set_speed', speed });
  }

  /** @param {string} voice of the next answer on */
  speakAs(voice) {
    this.voice = voice;
    this.connection.send({ type: 'set_voice', voice });
  }

  /** The page goes away; if it is only a reload, the conversation goes on. */
  leave() {
    this.connection.leave();
  }

  /** The page is looked at again, or touched: what the browser put to sleep goes on. */
  wake() {
    this.resumeSound();
    this.keepAwake();
    this.connection.retryNow();
  }

  resumeSound() {
    if (this.context.state !== 'running') this.context.resume().catch(() => this.soundState());
  }

  soundState() {
    if (this.ended) return;
    const status = this.context.state === 'running' ? 'on' : 'blocked';
    this.dispatch({ type: 'sound', status: this.soundless ? 'missing' : status });
  }

  /** A phone that dims its screen takes the microphone away. Not every browser can help it. */
  async keepAwake() {
    try {
      this.wakeLock = (await navigator.wakeLock?.request('screen')) ?? null;
    } catch {
      this.wakeLock = null;
    }
  }

  hello() {
    const rate = this.context.sampleRate;
    return { type: 'hello', version: 1, audio: { input_rate: rate, output_rate: rate }, client: 'web' };
  }

  /**
   * @param {import('./connection.js').ConnectionStatus} status
   * @param {import('./connection.js').StatusDetail} detail
   */
  connectionStatus(status, { reason, resumed = false }) {
    if (status === 'open' && resumed) this.sessionGoesOn();
    else if (status === 'open') this.sessionBegan();
    // What is queued may go on, should the session wait for us.
    else if (status === 'lost' || status === 'full') this.playback?.pause();
    else if (status !== 'connecting') this.playback?.stop();
    if (!this.ended) this.dispatch({ type: 'connection', status, reason, resumed });
  }

  sessionBegan() {
    this.sent = 0;
    this.playback?.reset();
    // A new session has nothing to cancel or to forget.
    const texts = this.unsent.splice(0).filter(({ type }) => type === 'text');
    this.tell(texts);
  }

  sessionGoesOn() {
    this.sent = 0;
    // The last word about it may have been lost with the connection.
    const heard = this.playback?.lastHeard();
    if (heard) this.connection.send(heard);
    this.playback?.resume();
    this.tell(this.unsent.splice(0));
  }

  /** @param {Record<string, any>[]} asked for in the meantime */
  tell(asked) {
    this.connection.send({ type: 'set_speed', speed: this.speed });
    for (const message of asked) this.connection.send(message);
  }

  /** @param {{ pcm: Int16Array, level: number }} frame */
  frame({ pcm, level }) {
    this.levels.microphone = this.muted ? 0 : level;
    const bytes = encodeFrame({ kind: KIND_MICROPHONE, response: 0, position: this.sent, pcm });
    if (this.connection.sendAudio(bytes)) this.sent += pcm.length;
  }

  /** @param {ArrayBuffer} bytes */
  audio(bytes) {
    const frame = decodeFrame(bytes);
    if (frame?.kind === KIND_SPEECH) this.playback?.push(frame);
  }

  /** @param {Record<string, any>} message */
  message(message) {
    switch (message.type) {
      case 'audio_end':
        this.audioEnded(message.response, message.samples);
        break;
      case 'stop_tts':
        this.playback?.stop(message.response);
        break;
      case 'pause':
        this.playback?.pause(message.response);
        break;
      case 'resume':
        this.playback?.resume(message.response);
        break;
      case 'welcome':
        this.wishForVoice(message);
        break;
      default:
        break;
    }
    this.dispatch({ type: 'message', message });
  }

  /** @param {Record<string, any>} welcome */
  wishForVoice({ voices, voice }) {
    if (this.voice === null || this.voice === voice || !Array.isArray(voices)) return;
    if (voices.includes(this.voice)) this.connection.send({ type: 'set_voice', voice: this.voice });
  }

  /**
   * @param {number} response
   * @param {number} samples
   */
  audioEnded(response, samples) {
    if (this.playback) this.playback.end(response, samples);
    // Without sound the answer was read instead: the server must not wait for it to be heard.
    else this.connection.send({ type: 'playback', response, position: samples, playing: false });
  }
}

/** One context for both directions, at the device's own rate, so that nothing is resampled here. */
function openContext() {
  const context = new AudioContext({ latencyHint: 'interactive' });
  if (context.sampleRate <= HIGHEST_RATE) return context;
  context.close();
  return new AudioContext({ latencyHint: 'interactive', sampleRate: USUAL_RATE });
}

/** Where the server is: beside the page, also behind a proxy that gave it a folder. */
function addresses() {
  const root = new URL(location.pathname.replace(/(static\/)?[^/]*$/, ''), location.href);
  const socket = new URL('ws', root);
  socket.protocol = location.protocol === 'https:' ? 'wss:' : 'ws:';
  return { socket: socket.href, ready: new URL('readyz', root).href };
}
