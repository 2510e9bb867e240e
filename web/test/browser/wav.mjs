/** WAV files for Chromium's fake microphone. */

import { readFileSync, writeFileSync } from 'node:fs';

const HEADER_BYTES = 44;

/**
 * Writes mono 16-bit PCM.
 * @param {string} path
 * @param {Int16Array} pcm
 * @param {number} rate
 */
export function writeWav(path, pcm, rate) {
  const bytes = Buffer.alloc(HEADER_BYTES + pcm.byteLength);
  bytes.write('RIFF', 0);
  bytes.writeUInt32LE(bytes.length - 8, 4);
  bytes.write('WAVEfmt ', 8);
  bytes.writeUInt32LE(16, 16);
  bytes.writeUInt16LE(1, 20);
  bytes.writeUInt16LE(1, 22);
  bytes.writeUInt32LE(rate, 24);
  bytes.writeUInt32LE(rate * 2, 28);
  bytes.writeUInt16LE(2, 32);
  bytes.writeUInt16LE(16, 34);
  bytes.write('data', 36);
  bytes.writeUInt32LE(pcm.byteLength, 40);
  Buffer.from(pcm.buffer, pcm.byteOffset, pcm.byteLength).copy(bytes, HEADER_BYTES);
  writeFileSync(path, bytes);
}

/**
 * Reads mono 16-bit PCM.
 * @param {string} path
 * @returns {{ pcm: Int16Array, rate: number }}
 */
export function readWav(path) {
  const bytes = readFileSync(path);
  let rate = 0;
  for (let at = 12; at + 8 <= bytes.length;) {
    const name = bytes.toString('latin1', at, at + 4);
    const size = bytes.readUInt32LE(at + 4);
    if (name === 'fmt ') {
      if (bytes.readUInt16LE(at + 10) !== 1 || bytes.readUInt16LE(at + 22) !== 16) {
        throw new Error(`${path} is not mono 16-bit`);
      }
      rate = bytes.readUInt32LE(at + 12);
    }
    if (name === 'data') {
      const data = bytes.subarray(at + 8, Math.min(at + 8 + size, bytes.length) & ~1);
      return { pcm: new Int16Array(new Uint8Array(data).buffer, 0, data.length >> 1), rate };
    }
    at += 8 + size + (size & 1);
  }
  throw new Error(`${path} has no samples`);
}

/**
 * Silence around speech, so that the page has started before it begins and hears it end.
 * @param {Int16Array} pcm
 * @param {number} rate
 * @param {{ before: number, after: number }} seconds
 */
export function padded(pcm, rate, { before, after }) {
  const start = Math.round(before * rate);
  const whole = new Int16Array(start + pcm.length + Math.round(after * rate));
  whole.set(pcm, start);
  return whole;
}

/**
 * A buzz with the rhythm of syllables: enough of a voice to pass the browser's noise suppression.
 * @param {number} rate
 * @param {number} seconds
 */
export function buzz(rate, seconds) {
  const pcm = new Int16Array(Math.round(rate * seconds));
  for (let i = 0; i < pcm.length; i += 1) {
    const t = i / rate;
    const pitch = 130 + 25 * Math.sin(2 * Math.PI * 1.7 * t);
    let sample = 0;
    for (let harmonic = 1; harmonic <= 12; harmonic += 1) {
      sample += Math.sin(2 * Math.PI * pitch * harmonic * t) / harmonic;
    }
    pcm[i] = Math.round(9000 * sample * Math.max(0, Math.sin(2 * Math.PI * 2 * t)) ** 0.5);
  }
  return pcm;
}
