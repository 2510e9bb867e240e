/** Loads a worklet outside a browser: the few names that its scope offers, and no sound. */

const processors = new Map();

/** Samples per second of the pretended device: round figures make readable tests. */
export const RATE = 1000;

/**
 * @param {string} file
 * @param {string} name what it registers itself as
 */
export async function loadWorklet(file, name) {
  globalThis.sampleRate = RATE;
  globalThis.AudioWorkletProcessor = class {
    constructor() {
      this.port = { posted: [], postMessage(message) { this.posted.push(message); } };
    }
  };
  globalThis.registerProcessor = (registered, processor) => processors.set(registered, processor);
  await import(new URL(`../../${file}`, import.meta.url));
  const Processor = processors.get(name);
  return new Processor();
}
