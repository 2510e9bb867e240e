// @ts-check
/** The assistant's voice: hands its sound to the worklet and says what has been heard. */

/** How often the server is told the position while sound plays. */
const POSITION_EVERY_MS = 250;
/** No device is later than this; what claims more has not measured yet. */
const LONGEST_OUTPUT_SECONDS = 0.5;

/** @typedef {import('./playback-worklet.js').Report} Report */

/**
 * @typedef {object} Position a `playback` message
 * @property {'playback'} type
 * @property {number} response
 * @property {number} position samples heard
 * @property {boolean} playing
 */

/** Chooses which reports go to the server: every change at once, the ticks between now and then. */
export class Pacer {
  constructor() {
    this.last = -Infinity;
    /** The response told of last, and how far it was heard then. */
    this.response = 0;
    this.position = 0;
  }

  /**
   * @param {Report} report
   * @param {number} now milliseconds
   * @param {number} delay samples between the worklet and the ear
   * @returns {Position | null}
   */
  message(report, now, delay) {
    if (report.reason === 'level') return null;
    if (report.reason === 'tick' && now - this.last < POSITION_EVERY_MS) return null;
    this.last = now;
    const unheard = report.playing ? delay : 0;
    // Nothing is unheard again: after a pause, all before it has reached the ear.
    const least = report.response === this.response ? this.position : 0;
    this.response = report.response;
    this.position = Math.max(least, report.position - unheard);
    return { type: 'playback', response: this.response, position: this.position, playing: report.playing };
  }
}

/** Plays responses through an audio context. */
export class Playback {
  /**
   * @param {AudioContext} context
   * @param {AudioWorkletNode} node
   * @param {{ position: (message: Position) => void, report: (report: Report) => void }} events
   */
  constructor(context, node, events) {
    this.context = context;
    this.node = node;
    this.pacer = new Pacer();
    /** The newest response of which there was sound. */
    this.newest = 0;
    /** Responses up to here were stopped. */
    this.stoppedThrough = 0;
    /** @type {Report | null} */
    this.lastReport = null;
    this.lastReportAt = 0;
    node.connect(context.destination);
    node.port.onmessage = ({ data }) => {
      const now = performance.now();
      if (data.reason !== 'level') {
        this.lastReport = data;
        this.lastReportAt = now;
      }
      events.report(data);
      const message = this.pacer.message(data, now, this.outputDelay());
      if (message) events.position(message);
    };
  }

  /**
   * @param {AudioContext} context
   * @param {{ position: (message: Position) => void, report: (report: Report) => void }} events
   * @returns {Promise<Playback>}
   */
  static async open(context, events) {
    await context.audioWorklet.addModule(new URL('playback-worklet.js', import.meta.url));
    const node = new AudioWorkletNode(context, 'repartee-playback', {
      numberOfInputs: 0,
      outputChannelCount: [1],
    });
    return new Playback(context, node, events);
  }

  /** @param {import('./audio-frame.js').AudioFrame} frame */
  push({ response, position, pcm }) {
    if (response <= this.stoppedThrough) return;
    this.newest = Math.max(this.newest, response);
    this.node.port.postMessage({ type: 'push', response, position, pcm }, [pcm.buffer]);
  }

  /**
   * A response has no more sound to come.
   * @param {number} response
   * @param {number} samples how much it was in all
   */
  end(response, samples) {
    if (response > this.stoppedThrough) this.node.port.postMessage({ type: 'end', response, samples });
  }

  /**
   * Falls silent at once.
   * @param {number} [response] the last one to stop; without it, all there are
   */
  stop(response = this.newest) {
    this.stoppedThrough = Math.max(this.stoppedThrough, response);
    this.node.port.postMessage({ type: 'stop', response });
  }

  /**
   * Falls silent at once, and keeps what is queued.
   * @param {number} [response] the last one to pause; without it, all there are
   */
  pause(response = this.newest) {
    this.node.port.postMessage({ type: 'pause', response });
  }

  /**
   * Goes on with the sample at which it was paused.
   * @param {number} [response] the last one to go on; without it, all there are
   */
  resume(response = Number.MAX_SAFE_INTEGER) {
    this.node.port.postMessage({ type: 'resume', response });
  }

  /** Falls silent and forgets: the next session counts its responses from the start. */
  reset() {
    this.newest = 0;
    this.stoppedThrough = 0;
    this.lastReport = null;
    this.pacer = new Pacer();
    this.node.port.postMessage({ type: 'reset' });
  }

  /**
   * What has been heard at this moment, from the last report on; null when nothing sounds.
   * @returns {Position | null}
   */
  heardNow() {
    const report = this.lastReport;
    if (!report?.playing) return null;
    const since = Math.round(((performance.now() - this.lastReportAt) / 1000) * this.context.sampleRate);
    const position = Math.max(0, report.position + since - this.outputDelay());
    return { type: 'playback', response: report.response, position, playing: false };
  }

  /**
   * How far a response had been heard when it fell silent last; null when there was none.
   * @returns {Position | null}
   */
  lastHeard() {
    const report = this.lastReport;
    if (!report || report.response > this.newest) return null;
    return { type: 'playback', response: report.response, position: report.position, playing: false };
  }

  /** Samples that have left the worklet and have not reached the ear. */
  outputDelay() {
    const seconds = this.context.outputLatency || this.context.baseLatency || 0;
    return Math.round(Math.min(seconds, LONGEST_OUTPUT_SECONDS) * this.context.sampleRate);
  }
}
