import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodeFrame, encodeFrame, HEADER_BYTES, KIND_MICROPHONE, KIND_SPEECH } from '../../audio-frame.js';

test('a frame has the bytes that the protocol says', () => {
  const bytes = encodeFrame({ kind: KIND_MICROPHONE, response: 0, position: 0x1_0000_0002, pcm: Int16Array.of(1, -2) });
  assert.deepEqual([...new Uint8Array(bytes)], [
    1, 0, 0, 0,
    0, 0, 0, 0,
    2, 0, 0, 0, 1, 0, 0, 0,
    1, 0, 0xfe, 0xff,
  ]);
});

test('a frame comes back as it was', () => {
  const frame = { kind: KIND_SPEECH, response: 4_000_000_000, position: 123_456_789_012, pcm: Int16Array.of(-32768, 0, 32767) };
  const { flags: _, ...back } = { flags: 0, ...decodeFrame(encodeFrame(frame)) };
  assert.deepEqual(back, frame);
});

test('a frame without samples is a frame', () => {
  assert.equal(decodeFrame(new ArrayBuffer(HEADER_BYTES))?.pcm.length, 0);
});

test('bytes too short for the header are no frame', () => {
  assert.equal(decodeFrame(new ArrayBuffer(HEADER_BYTES - 1)), null);
  assert.equal(decodeFrame(new ArrayBuffer(0)), null);
});

test('half a sample at the end is no frame', () => {
  assert.equal(decodeFrame(new ArrayBuffer(HEADER_BYTES + 3)), null);
});
