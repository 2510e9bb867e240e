import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Pacer } from '../../playback.js';

const report = (reason, position, playing = true) => ({ reason, response: 2, position, playing, level: 0, underruns: 0 });

test('ticks are told four times a second, changes at once', () => {
  const pacer = new Pacer();
  const told = [
    [report('start', 0), 0],
    [report('tick', 50), 50],
    [report('tick', 200), 200],
    [report('tick', 250), 250],
    [report('tick', 300), 300],
    [report('end', 320, false), 320],
  ].map(([what, now]) => pacer.message(what, now, 0)).filter(Boolean);
  assert.deepEqual(told.map(({ position, playing }) => [position, playing]), [
    [0, true], [250, true], [320, false],
  ]);
});

test('what has not reached the ear does not count as heard, until it has ended', () => {
  const pacer = new Pacer();
  assert.equal(pacer.message(report('start', 0), 0, 40).position, 0);
  assert.equal(pacer.message(report('tick', 500), 500, 40).position, 460);
  assert.deepEqual(pacer.message(report('end', 520, false), 520, 40), {
    type: 'playback', response: 2, position: 520, playing: false,
  });
});

test('what was heard before a pause stays heard', () => {
  const pacer = new Pacer();
  const told = [report('start', 0), report('pause', 500, false), report('start', 500), report('end', 900, false)]
    .map((what, i) => pacer.message(what, i, 40).position);
  assert.deepEqual(told, [0, 500, 500, 900]);
  assert.equal(pacer.message({ ...report('start', 0), response: 3 }, 9, 40).position, 0);
});

test('loudness alone is not for the server', () => {
  assert.equal(new Pacer().message(report('level', 0, false), 0, 0), null);
});
