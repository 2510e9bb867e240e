// @ts-check
/**
 * Runs on the audio thread: plays the assistant's speech, response after response, and says how
 * much of it has been heard. No imports: not every browser resolves them inside a worklet.
 *
 * Takes `{ type: 'push', response, position, pcm }`, `{ type: 'end', response, samples }`,
 * `{ type: 'stop', response }`, `{ type: 'pause', response }`, `{ type: 'resume', response }` (that
 * response and all before it) and `{ type: 'reset' }`. Posts a `Report`.
 */

/** Sound gathered before a response starts, so that a late packet does not tear it. */
const LEAD_SECONDS = 0.05;
/** How long the sound takes to fall silent, and to come back after a pause: no click, and no wait. */
const FADE_SECONDS = 0.005;
/** How often the position is told while something plays. */
const REPORT_SECONDS = 0.05;
const FULL_SCALE = 32768;

/**
 * @typedef {object} Report
 * @property {'start' | 'tick' | 'underrun' | 'pause' | 'end' | 'stop' | 'level'} reason
 * @property {number} response the response it is about; 0 when none (`level`)
 * @property {number} position samples of it that have been played
 * @property {boolean} playing whether it sounds now
 * @property {number} level RMS of the sound since the report before, 0 to 1
 * @property {number} underruns how often sound has run out in the middle of a response
 */

/** The sound of one response: what has arrived and has not been played. */
class Stream {
  /** @param {number} response */
  constructor(response) {
    this.response = response;
    /** @type {{ pcm: Int16Array, position: number }[]} */
    this.chunks = [];
    /** Samples already played of the first chunk. */
    this.offset = 0;
    /** Samples waiting. */
    this.buffered = 0;
    /** Samples of the response that have been played. */
    this.position = 0;
    /** Where the sound that has arrived ends. */
    this.received = 0;
    /** @type {number | null} How long the response is, once that is known. */
    this.total = null;
    /** Samples of silence since it could have started. */
    this.waited = 0;
    this.flowing = false;
  }

  /**
   * Takes sound in; what is there already is not taken twice.
   * @param {number} position
   * @param {Int16Array} pcm
   */
  push(position, pcm) {
    const known = Math.max(0, this.received - position);
    if (known >= pcm.length) return;
    // A session that was taken up again goes on in the midst of a response.
    if (this.received === 0) this.position = position;
    this.chunks.push({ pcm: pcm.subarray(known), position: position + known });
    this.buffered += pcm.length - known;
    this.received = position + pcm.length;
  }

  /**
   * Plays into `out` from `start` on.
   * @param {Float32Array} out
   * @param {number} start
   * @returns {number} how many samples there were
   */
  read(out, start) {
    let at = start;
    while (at < out.length && this.chunks.length > 0) {
      const chunk = this.chunks[0];
      const count = Math.min(out.length - at, chunk.pcm.length - this.offset);
      for (let i = 0; i < count; i += 1) out[at + i] = chunk.pcm[this.offset + i] / FULL_SCALE;
      at += count;
      this.offset += count;
      this.buffered -= count;
      this.position = chunk.position + this.offset;
      if (this.offset === chunk.pcm.length) {
        this.chunks.shift();
        this.offset = 0;
      }
    }
    return at - start;
  }

  /**
   * What comes next, without playing it.
   * @param {number} length
   * @returns {Float32Array} followed by silence, if there is less
   */
  ahead(length) {
    const out = new Float32Array(length);
    let at = 0;
    let offset = this.offset;
    for (const { pcm } of this.chunks) {
      const count = Math.min(length - at, pcm.length - offset);
      for (let i = 0; i < count; i += 1) out[at + i] = pcm[offset + i] / FULL_SCALE;
      at += count;
      offset = 0;
    }
    return out;
  }

  /** @param {number} lead samples wanted before the start */
  ready(lead) {
    if (!this.flowing) {
      this.flowing = this.buffered >= lead || this.total !== null
        || (this.buffered > 0 && this.waited >= lead);
    }
    return this.flowing;
  }
}

/** Everything that is to be played, in order. Bounded by what the server sends ahead. */
class SpeechQueue {
  /**
   * @param {number} rate samples per second
   * @param {(report: Report) => void} tell
   */
  constructor(rate, tell) {
    this.lead = Math.round(rate * LEAD_SECONDS);
    this.fadeLength = Math.round(rate * FADE_SECONDS);
    this.reportEvery = Math.round(rate * REPORT_SECONDS);
    this.tell = tell;
    /** @type {Stream[]} */
    this.streams = [];
    /** Responses up to here are over: sound of theirs that comes late is not played. */
    this.closedThrough = 0;
    /** Responses up to here wait for a word to go on; 0: none does. */
    this.pausedThrough = 0;
    /** @type {Float32Array | null} What is left of a fade. */
    this.fade = null;
    /** Samples since the sound came back after a pause; from the length of a fade on, all is loud. */
    this.risen = this.fadeLength;
    this.playing = false;
    this.underruns = 0;
    this.energy = 0;
    this.measured = 0;
    this.lastLevel = 0;
  }

  /**
   * @param {number} response
   * @param {number} position
   * @param {Int16Array} pcm
   */
  push(response, position, pcm) {
    this.stream(response)?.push(position, pcm);
  }

  /**
   * @param {number} response
   * @param {number} samples
   */
  end(response, samples) {
    const stream = this.stream(response);
    if (stream) stream.total = samples;
  }

  /**
   * The stream of a response, made when it is new; undefined when the response is over.
   * @param {number} response
   */
  stream(response) {
    if (response <= this.closedThrough) return undefined;
    const known = this.streams.find((stream) => stream.response === response);
    if (known) return known;
    const stream = new Stream(response);
    this.streams.push(stream);
    return stream;
  }

  /** @param {number} response this one and all before it fall silent */
  stop(response) {
    this.closedThrough = Math.max(this.closedThrough, response);
    if (this.pausedThrough <= response) this.pausedThrough = 0;
    const front = this.streams[0];
    if (front && front.response <= response) {
      this.startFade(front);
      if (front.flowing) this.report('stop', front, false);
      this.playing = false;
      this.risen = this.fadeLength;
    }
    this.streams = this.streams.filter((stream) => stream.response > response);
  }

  /** @param {number} response this one and all before it fall silent, and stay */
  pause(response) {
    if (response <= this.closedThrough || response <= this.pausedThrough) return;
    this.pausedThrough = response;
    const front = this.streams[0];
    if (!front || front.response > response) return;
    if (this.playing) {
      this.startFade(front);
      // What fades out now fades in then: played once, in sum.
      this.risen = 0;
    }
    this.playing = false;
    this.report('pause', front, false);
  }

  /** @param {number} response this one and all before it go on where they were */
  resume(response) {
    if (response >= this.pausedThrough) this.pausedThrough = 0;
  }

  /** Forgets everything: a new session counts its responses from the start. */
  reset() {
    const front = this.streams[0];
    if (front) this.startFade(front);
    this.streams = [];
    this.closedThrough = 0;
    this.pausedThrough = 0;
    this.risen = this.fadeLength;
    this.playing = false;
    // Not a stop: its position would be taken for one of the new session.
    this.report('level', null, false);
  }

  /** @param {Stream} stream */
  startFade(stream) {
    if (!this.playing) return;
    const loudness = this.risen / this.fadeLength;
    const fade = stream.ahead(this.fadeLength);
    for (let i = 0; i < fade.length; i += 1) fade[i] *= loudness * (1 - (i + 1) / this.fadeLength);
    this.fade = fade;
  }

  /**
   * Brings the sound back gently after a pause.
   * @param {Float32Array} out
   * @param {number} start
   * @param {number} count
   */
  rise(out, start, count) {
    for (let i = 0; i < count && this.risen < this.fadeLength; i += 1) {
      this.risen += 1;
      out[start + i] *= this.risen / this.fadeLength;
    }
  }

  /** @param {Float32Array} out filled wholly: with sound, then silence */
  render(out) {
    out.fill(0);
    let at = this.renderFade(out);
    while (at < out.length) {
      const stream = this.streams[0];
      if (!stream || stream.response <= this.pausedThrough) break;
      if (!stream.ready(this.lead)) {
        if (stream.buffered > 0) stream.waited += out.length - at;
        if (stream.buffered === 0 && this.streams.length > 1) this.finish(stream);
        else break;
        continue;
      }
      if (!this.playing && stream.buffered > 0) {
        this.playing = true;
        this.report('start', stream, true);
      }
      const count = stream.read(out, at);
      this.rise(out, at, count);
      at += count;
      if (at < out.length && !this.runDry(stream)) break;
    }
    this.measure(out);
  }

  /**
   * A stream has nothing left: it has ended, or its next sound is late.
   * @param {Stream} stream
   * @returns {boolean} whether the one after it may start
   */
  runDry(stream) {
    if (stream.total !== null || this.streams.length > 1) {
      this.finish(stream);
      return true;
    }
    this.playing = false;
    this.underruns += 1;
    stream.flowing = false;
    stream.waited = 0;
    this.report('underrun', stream, false);
    return false;
  }

  /** @param {Stream} stream the first one, played to its end */
  finish(stream) {
    this.streams.shift();
    this.closedThrough = Math.max(this.closedThrough, stream.response);
    this.playing = false;
    if (stream.total !== null) stream.position = stream.total;
    this.report('end', stream, false);
  }

  /**
   * @param {Float32Array} out
   * @returns {number} samples written
   */
  renderFade(out) {
    if (!this.fade) return 0;
    const count = Math.min(out.length, this.fade.length);
    out.set(this.fade.subarray(0, count));
    this.fade = count < this.fade.length ? this.fade.subarray(count) : null;
    return count;
  }

  /** @param {Float32Array} out what is about to be heard */
  measure(out) {
    for (const sample of out) this.energy += sample * sample;
    this.measured += out.length;
    if (this.measured < this.reportEvery) return;
    const stream = this.streams[0];
    if (this.playing && stream) this.report('tick', stream, true);
    else if (this.energy > 0 || this.lastLevel > 0) this.report('level', null, false);
    this.energy = 0;
    this.measured = 0;
  }

  /**
   * @param {Report['reason']} reason
   * @param {Stream | null} stream
   * @param {boolean} playing
   */
  report(reason, stream, playing) {
    const level = this.measured > 0 ? Math.sqrt(this.energy / this.measured) : 0;
    if (reason === 'tick' || reason === 'level') this.lastLevel = level;
    this.tell({
      reason,
      response: stream?.response ?? 0,
      position: stream?.position ?? 0,
      playing,
      level: this.lastLevel,
      underruns: this.underruns,
    });
  }
}

class PlaybackProcessor extends AudioWorkletProcessor {
  constructor() {
    super();
    this.queue = new SpeechQueue(sampleRate, (report) => this.port.postMessage(report));
    this.port.onmessage = ({ data }) => this.take(data);
  }

  /** @param {any} message see the top of this file */
  take(message) {
    switch (message.type) {
      case 'push': this.queue.push(message.response, message.position, message.pcm); break;
      case 'end': this.queue.end(message.response, message.samples); break;
      case 'stop': this.queue.stop(message.response); break;
      case 'pause': this.queue.pause(message.response); break;
      case 'resume': this.queue.resume(message.response); break;
      case 'reset': this.queue.reset(); break;
      default: break;
    }
  }

  /**
   * @param {Float32Array[][]} _inputs
   * @param {Float32Array[][]} outputs
   * @returns {boolean} true: stay alive while the page keeps the node
   */
  process(_inputs, outputs) {
    this.queue.render(outputs[0][0]);
    return true;
  }
}

registerProcessor('repartee-playback', PlaybackProcessor);

export {};
