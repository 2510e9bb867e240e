// @ts-check
/**
 * The WebSocket to the server: says hello, comes back by itself when it is lost, to the same session
 * if that waits, and tells a full server from a lost one. Knows nothing of the page.
 */

import { tokenOfThisTab } from './resume-token.js';

/** First wait before coming back; each failure doubles it. */
const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 15_000;
/** A full server says `Retry-After: 5`; asking sooner would only load it more. */
const FULL_WAIT_MS = 5_000;
/** A server that has not greeted us by then will not. */
const WELCOME_WAIT_MS = 10_000;
/** Unsent bytes from which on new sound is dropped: about two seconds, which would come too late. */
const BACKLOG_BYTES = 200_000;
/** Sound dropped in a row after which the line counts as dead: about five seconds of frames. */
const DROPPED_FRAMES = 250;

/** Close code and reason of a server that has no room (docs/protocol.md, "Connecting"). */
const POLICY_VIOLATION = 1008;
const AT_CAPACITY = 'Server at capacity';
const SUBPROTOCOL = 'repartee.v1';
const RESUME_PREFIX = 'repartee.resume.';
/** Close code of a conversation that was ended on purpose. */
const ENDED = 1000;

/**
 * @typedef {'connecting' | 'queued' | 'open' | 'lost' | 'full' | 'refused' | 'closed'} ConnectionStatus
 * `queued`: waits in line, and is let in when it is its turn. `lost` and `full`: tries again by
 * itself. `refused`: does not. `closed`: as was asked.
 */

/**
 * @typedef {object} StatusDetail
 * @property {string} reason the server's, or empty
 * @property {number} attempt failures in a row
 * @property {boolean} [resumed] of `open`: whether the session is the one from before
 */

/**
 * @typedef {object} ConnectionEvents
 * @property {(status: ConnectionStatus, detail: StatusDetail) => void} status
 * @property {(message: Record<string, any>) => void} message a JSON object with a `type`; the token
 * of `welcome` is left out
 * @property {(bytes: ArrayBuffer) => void} audio
 */

/**
 * What the connection needs of the world; tests hand in their own.
 * @typedef {object} World
 * @property {typeof WebSocket} WebSocket
 * @property {typeof fetch} fetch
 * @property {(run: () => void, ms: number) => any} setTimeout
 * @property {(timer: any) => void} clearTimeout
 * @property {() => number} random
 * @property {import('./resume-token.js').ResumeToken} token
 */

/** @returns {World} */
function browser() {
  return {
    WebSocket,
    fetch: (...request) => fetch(...request),
    setTimeout: (run, ms) => setTimeout(run, ms),
    clearTimeout: (timer) => clearTimeout(timer),
    random: Math.random,
    token: tokenOfThisTab(),
  };
}

/**
 * How long to wait before trying again: exponential, and spread so that the callers of a server
 * that went down do not all come back in the same instant.
 * @param {number} attempt failures so far, from 1
 * @param {number} random 0 to 1
 * @param {number} first
 */
export function backOff(attempt, random, first = FIRST_WAIT_MS) {
  const ceiling = Math.min(LONGEST_WAIT_MS, first * 2 ** (attempt - 1));
  return Math.round(ceiling * (0.5 + 0.5 * random));
}

/** One conversation's way to the server, over as many sockets as it takes. */
export class Connection {
  /**
   * @param {{ socket: string, ready: string }} addresses of the WebSocket and of `/readyz`
   * @param {() => Record<string, any>} hello makes the first message of each socket
   * @param {ConnectionEvents} events
   * @param {World} world
   */
  constructor(addresses, hello, events, world = browser()) {
    this.addresses = addresses;
    this.hello = hello;
    this.events = events;
    this.world = world;
    /** @type {WebSocket | null} */
    this.socket = null;
    /** @type {any} */
    this.timer = null;
    this.attempt = 0;
    this.welcomed = false;
    this.inLine = false;
    this.dropped = 0;
  }

  /** Connects, unless it does so already. */
  open() {
    if (this.socket) return;
    this.world.clearTimeout(this.timer);
    this.events.status('connecting', { reason: '', attempt: this.attempt });
    const socket = new this.world.WebSocket(this.addresses.socket, this.protocols());
    socket.binaryType = 'arraybuffer';
    socket.onopen = () => socket.send(JSON.stringify(this.hello()));
    socket.onmessage = ({ data }) => this.receive(data);
    socket.onclose = ({ code, reason }) => this.ended(code, reason);
    this.socket = socket;
    this.timer = this.world.setTimeout(() => this.ended(0, 'no welcome'), WELCOME_WAIT_MS);
  }

  /** The session that was lost is asked for again; the server knows whether it still waits. */
  protocols() {
    const { token } = this.world.token;
    return token ? [SUBPROTOCOL, RESUME_PREFIX + token] : [SUBPROTOCOL];
  }

  /** Ends it for good. */
  close() {
    this.world.token.forget();
    this.letGo(ENDED);
    this.attempt = 0;
    this.events.status('closed', { reason: '', attempt: 0 });
  }

  /** Tries at once instead of waiting: the network is back, or the caller asks. */
  retryNow() {
    if (!this.socket && this.attempt > 0) this.open();
  }

  /** The page goes away, perhaps to come back. */
  leave() {
    this.world.token.touch();
  }

  /**
   * @param {Record<string, any>} message
   * @returns {boolean} whether it was sent
   */
  send(message) {
    if (!this.welcomed || !this.socket) return false;
    this.socket.send(JSON.stringify(message));
    return true;
  }

  /**
   * Sends sound, or drops it when the line is clogged.
   * @param {ArrayBuffer} bytes
   * @returns {boolean} whether it was sent
   */
  sendAudio(bytes) {
    if (!this.welcomed || !this.socket) return false;
    if (this.socket.bufferedAmount > BACKLOG_BYTES) {
      this.dropped += 1;
      if (this.dropped > DROPPED_FRAMES) this.ended(0, 'nothing gets through');
      return false;
    }
    this.dropped = 0;
    this.socket.send(bytes);
    return true;
  }

  /** @param {string | ArrayBuffer} data */
  receive(data) {
    if (typeof data !== 'string') {
      this.events.audio(data);
      return;
    }
    const message = parseMessage(data);
    if (!message) return;
    const { resume, ...rest } = message;
    if (message.type === 'welcome') this.greeted(resume, message);
    else if (message.type === 'queue' && !this.inLine) this.queued();
    this.events.message(rest);
  }

  /** There is no place yet: the welcome comes when it is our turn, however long that takes. */
  queued() {
    this.world.clearTimeout(this.timer);
    this.inLine = true;
    this.attempt = 0;
    this.events.status('queued', { reason: '', attempt: 0 });
  }

  /**
   * @param {unknown} token
   * @param {Record<string, any>} welcome
   */
  greeted(token, welcome) {
    this.world.clearTimeout(this.timer);
    this.welcomed = true;
    this.inLine = false;
    this.attempt = 0;
    this.world.token.keep(token, welcome.resume_within_ms);
    this.events.status('open', { reason: '', attempt: 0, resumed: welcome.resumed === true });
  }

  /**
   * The socket has ended without our asking.
   * @param {number} code
   * @param {string} reason
   */
  ended(code, reason) {
    const greeted = this.welcomed;
    if (greeted) this.world.token.touch();
    this.letGo();
    if (code === POLICY_VIOLATION && reason !== AT_CAPACITY) {
      this.attempt = 0;
      this.world.token.forget();
      this.events.status('refused', { reason, attempt: 0 });
    } else if (code === POLICY_VIOLATION) {
      this.waitAndRetry('full', reason);
    } else {
      this.waitAndRetry('lost', reason);
      if (!greeted) this.askWhy();
    }
  }

  /**
   * @param {'lost' | 'full'} status
   * @param {string} reason
   */
  waitAndRetry(status, reason) {
    this.attempt += 1;
    const first = status === 'full' ? FULL_WAIT_MS : FIRST_WAIT_MS;
    const wait = backOff(this.attempt, this.world.random(), first);
    this.timer = this.world.setTimeout(() => this.open(), wait);
    this.events.status(status, { reason, attempt: this.attempt });
  }

  /** A refused upgrade has no reason that a page may read; the readiness route has one. */
  async askWhy() {
    const attempt = this.attempt;
    try {
      const { status } = await this.world.fetch(this.addresses.ready, { cache: 'no-store' });
      const stillWaiting = !this.socket && this.attempt === attempt;
      if (status === 503 && stillWaiting) this.events.status('full', { reason: AT_CAPACITY, attempt });
    } catch {
      // Unreachable: lost, as was said already.
    }
  }

  /**
   * Drops the socket; nothing of it is heard any more.
   * @param {number} [code] why, for the server
   */
  letGo(code) {
    this.world.clearTimeout(this.timer);
    const socket = this.socket;
    this.socket = null;
    this.welcomed = false;
    this.inLine = false;
    this.dropped = 0;
    if (!socket) return;
    socket.onopen = null;
    socket.onmessage = null;
    socket.onclose = null;
    socket.close(code);
  }
}

/**
 * @param {string} text
 * @returns {Record<string, any> | null} null for what is not an object with a `type`
 */
function parseMessage(text) {
  try {
    const message = JSON.parse(text);
    return typeof message?.type === 'string' ? message : null;
  } catch {
    return null;
  }
}
