// @ts-check
/**
 * The binary frames of the `/ws` protocol: 16 bytes of header, then mono 16-bit PCM.
 * Pure: bytes in, values out.
 *
 * The PCM is viewed in place rather than copied sample by sample. That is right on little-endian
 * hosts only, which is every machine that browsers with AudioWorklet run on.
 */

/** Bytes before the samples. */
export const HEADER_BYTES = 16;
/** Kind of a frame from the caller's microphone. */
export const KIND_MICROPHONE = 1;
/** Kind of a frame of the assistant's speech. */
export const KIND_SPEECH = 2;

const KIND_OFFSET = 0;
const RESPONSE_OFFSET = 4;
const POSITION_OFFSET = 8;

/**
 * @typedef {object} AudioFrame
 * @property {number} kind `KIND_MICROPHONE` or `KIND_SPEECH`
 * @property {number} response number of the response; 0 for the microphone
 * @property {number} position samples of this stream before this frame
 * @property {Int16Array} pcm the samples
 */

/**
 * Puts a frame into bytes.
 * @param {AudioFrame} frame
 * @returns {ArrayBuffer}
 */
export function encodeFrame({ kind, response, position, pcm }) {
  const bytes = new ArrayBuffer(HEADER_BYTES + pcm.byteLength);
  const header = new DataView(bytes, 0, HEADER_BYTES);
  header.setUint8(KIND_OFFSET, kind);
  header.setUint32(RESPONSE_OFFSET, response, true);
  header.setBigUint64(POSITION_OFFSET, BigInt(position), true);
  new Int16Array(bytes, HEADER_BYTES).set(pcm);
  return bytes;
}

/**
 * Reads a frame; the samples are a view into `bytes`.
 * @param {ArrayBuffer} bytes
 * @returns {AudioFrame | null} null when the bytes are no frame: too short, or half a sample
 */
export function decodeFrame(bytes) {
  const samples = (bytes.byteLength - HEADER_BYTES) / 2;
  if (samples < 0 || !Number.isInteger(samples)) return null;
  const header = new DataView(bytes, 0, HEADER_BYTES);
  return {
    kind: header.getUint8(KIND_OFFSET),
    response: header.getUint32(RESPONSE_OFFSET, true),
    position: Number(header.getBigUint64(POSITION_OFFSET, true)),
    pcm: new Int16Array(bytes, HEADER_BYTES, samples),
  };
}
