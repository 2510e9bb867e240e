import assert from 'node:assert/strict';
import { test } from 'node:test';
import { loadWorklet } from './worklet.mjs';

/** 20 ms at the pretended 1,000 samples a second. */
const FRAME = 20;

test('samples are cut into frames of 20 ms, whatever they come in', async () => {
  const node = await loadWorklet('capture-worklet.js', 'repartee-capture');
  const ramp = Float32Array.from({ length: 50 }, (_, i) => i / 32767);
  node.process([[ramp.subarray(0, 33)]]);
  node.process([[ramp.subarray(33)]]);
  const heard = node.port.posted.map(({ pcm }) => [...pcm]);
  assert.deepEqual(heard, [
    Array.from({ length: FRAME }, (_, i) => i),
    Array.from({ length: FRAME }, (_, i) => i + FRAME),
  ]);
});

test('what is too loud is clipped, not wrapped round', async () => {
  const node = await loadWorklet('capture-worklet.js', 'repartee-capture');
  node.process([[new Float32Array(FRAME).map((_, i) => (i % 2 ? 3 : -3))]]);
  assert.deepEqual([...node.port.posted[0].pcm.subarray(0, 2)], [-32767, 32767]);
});

test('the level is the RMS of the frame', async () => {
  const node = await loadWorklet('capture-worklet.js', 'repartee-capture');
  node.process([[new Float32Array(FRAME).fill(0.5)]]);
  node.process([[new Float32Array(FRAME)]]);
  assert.deepEqual(node.port.posted.map(({ level }) => level), [0.5, 0]);
});

test('a microphone that gives nothing for a while is no failure', async () => {
  const node = await loadWorklet('capture-worklet.js', 'repartee-capture');
  assert.equal(node.process([[]]), true);
  assert.equal(node.process([]), true);
  assert.deepEqual(node.port.posted, []);
});
