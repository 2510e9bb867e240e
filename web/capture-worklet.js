// @ts-check
/**
 * Runs on the audio thread: cuts the microphone into frames of 16-bit samples and measures each.
 * No imports: not every browser resolves them inside a worklet.
 *
 * Posts `{ pcm: Int16Array, level: number }`, `level` being the RMS from 0 to 1.
 */

/** Short enough to add little delay, long enough that fifty messages a second are all it takes. */
const FRAME_SECONDS = 0.02;

class CaptureProcessor extends AudioWorkletProcessor {
  constructor() {
    super();
    this.size = Math.round(sampleRate * FRAME_SECONDS);
    this.pcm = new Int16Array(this.size);
    this.filled = 0;
    this.energy = 0;
  }

  /**
   * @param {Float32Array[][]} inputs
   * @returns {boolean} true: stay alive while the page keeps the node
   */
  process(inputs) {
    const samples = inputs[0]?.[0];
    if (samples) for (const sample of samples) this.take(sample);
    return true;
  }

  /** @param {number} sample from -1 to 1; louder ones are clipped */
  take(sample) {
    const clipped = Math.max(-1, Math.min(1, sample));
    this.pcm[this.filled] = Math.round(clipped * 32767);
    this.filled += 1;
    this.energy += clipped * clipped;
    if (this.filled === this.size) this.post();
  }

  post() {
    const level = Math.sqrt(this.energy / this.size);
    // The samples move to the page instead of being copied, so the next frame needs its own.
    this.port.postMessage({ pcm: this.pcm, level }, [this.pcm.buffer]);
    this.pcm = new Int16Array(this.size);
    this.filled = 0;
    this.energy = 0;
  }
}

registerProcessor('repartee-capture', CaptureProcessor);

export {};
