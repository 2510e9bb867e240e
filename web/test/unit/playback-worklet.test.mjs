import assert from 'node:assert/strict';
import { test } from 'node:test';
import { loadWorklet } from './worklet.mjs';

/** At 1,000 samples a second: a lead of 50 samples, a fade of 5, a report each 50. */
const LEAD = 50;

/** A player in the hands of a test. */
async function player() {
  const node = await loadWorklet('playback-worklet.js', 'repartee-playback');
  const send = (message) => node.port.onmessage({ data: message });
  return {
    push: (response, position, length, value = 16384) => send({ type: 'push', response, position, pcm: new Int16Array(length).fill(value) }),
    end: (response, samples) => send({ type: 'end', response, samples }),
    stop: (response) => send({ type: 'stop', response }),
    pause: (response) => send({ type: 'pause', response }),
    resume: (response) => send({ type: 'resume', response }),
    /** Sound in which each sample is different from all others. */
    pushRamp: (response, position, length) => send({
      type: 'push', response, position, pcm: Int16Array.from({ length }, (_, i) => 1 + position + i),
    }),
    reset: () => send({ type: 'reset' }),
    play(length) {
      const out = new Float32Array(length);
      node.process([], [[out]]);
      return out;
    },
    /** What was told since the last time, without the ticks. */
    told() {
      return node.port.posted.splice(0)
        .filter(({ reason }) => reason !== 'tick' && reason !== 'level')
        .map(({ reason, response, position, playing }) => `${reason} ${response}@${position}${playing ? ' playing' : ''}`);
    },
    node,
  };
}

const loud = (out) => out.filter((sample) => sample !== 0).length;

test('nothing sounds before the lead has gathered', async () => {
  const p = await player();
  p.push(1, 0, LEAD - 10);
  assert.equal(loud(p.play(10)), 0);
  p.push(1, LEAD - 10, 10);
  assert.equal(loud(p.play(10)), 10);
  assert.deepEqual(p.told(), ['start 1@0 playing']);
});

test('a short lead is not waited for longer than the lead lasts', async () => {
  const p = await player();
  p.push(1, 0, 20);
  assert.equal(loud(p.play(LEAD)), 0);
  assert.equal(loud(p.play(20)), 20);
});

test('an answer shorter than the lead is played when it has ended', async () => {
  const p = await player();
  p.push(1, 0, 20);
  p.end(1, 20);
  assert.equal(loud(p.play(40)), 20);
  assert.deepEqual(p.told(), ['start 1@0 playing', 'end 1@20']);
});

test('the end is told with the length that the server named', async () => {
  const p = await player();
  p.push(1, 0, 100);
  p.play(100);
  p.end(1, 100);
  p.play(10);
  assert.deepEqual(p.told(), ['start 1@0 playing', 'end 1@100']);
});

test('sound that is late is an underrun, and playing goes on with it', async () => {
  const p = await player();
  p.push(1, 0, 60);
  p.play(80);
  p.push(1, 60, 60);
  assert.equal(loud(p.play(60)), 60);
  assert.deepEqual(p.told(), ['start 1@0 playing', 'underrun 1@60', 'start 1@60 playing']);
  assert.equal(p.node.queue.underruns, 1);
});

test('stopping falls silent within the fade, whatever is queued', async () => {
  const p = await player();
  p.push(1, 0, 900);
  p.play(100);
  p.stop(1);
  const out = p.play(50);
  assert.ok(out[0] > out[1] && out[1] > out[2], 'the fade falls');
  assert.equal(loud(out), 4, 'four samples of the fade are not yet silent');
  assert.equal(loud(p.play(200)), 0);
  assert.deepEqual(p.told(), ['start 1@0 playing', 'stop 1@100']);
});

test('sound of a stopped response that comes late is not played', async () => {
  const p = await player();
  p.push(3, 0, 100);
  p.play(10);
  p.stop(3);
  p.play(10);
  p.push(3, 100, 100);
  p.push(2, 0, 100);
  assert.equal(loud(p.play(200)), 0);
});

test('stopping a response leaves the one after it', async () => {
  const p = await player();
  p.push(1, 0, 100);
  p.push(2, 0, 100);
  p.play(10);
  p.stop(1);
  p.play(5);
  assert.equal(loud(p.play(100)), 100);
  assert.deepEqual(p.told(), ['start 1@0 playing', 'stop 1@10', 'start 2@0 playing']);
});

test('a response follows the one before it without a gap', async () => {
  const p = await player();
  p.push(1, 0, 60);
  p.end(1, 60);
  p.push(2, 0, 60);
  assert.equal(loud(p.play(120)), 120);
  assert.deepEqual(p.told(), ['start 1@0 playing', 'end 1@60', 'start 2@0 playing']);
});

test('a response that never ends gives way to the next', async () => {
  const p = await player();
  p.push(1, 0, 60);
  p.play(60);
  p.push(2, 0, 60);
  assert.equal(loud(p.play(60)), 60);
  assert.deepEqual(p.told(), ['start 1@0 playing', 'end 1@60', 'start 2@0 playing']);
});

test('sound that comes twice is played once', async () => {
  const p = await player();
  p.push(1, 0, 60);
  p.push(1, 0, 60);
  p.push(1, 40, 40);
  p.end(1, 80);
  assert.equal(loud(p.play(200)), 80);
});

test('a new session counts its responses from the start', async () => {
  const p = await player();
  p.push(7, 0, 60);
  p.play(10);
  p.pause(7);
  p.told();
  p.reset();
  p.play(10);
  assert.deepEqual(p.told(), [], 'nothing is told of the old one');
  p.push(1, 0, 60);
  assert.equal(loud(p.play(60)), 60);
});

test('ticks tell position and loudness while it sounds, and silence once', async () => {
  const p = await player();
  p.push(1, 0, 100);
  p.end(1, 100);
  for (let i = 0; i < 6; i += 1) p.play(50);
  const levels = p.node.port.posted.filter(({ reason }) => reason === 'tick' || reason === 'level');
  assert.deepEqual(levels.map(({ reason, position, level }) => [reason, position, level]), [
    ['tick', 50, 0.5],
    ['tick', 100, 0.5],
    ['level', 0, 0],
  ]);
});

/** The samples of a ramp as whole numbers. */
const whole = (out) => Array.from(out, (sample) => Math.round(sample * 32768 * 1e3) / 1e3);
const ramp = (from, to) => Array.from({ length: to - from }, (_, i) => 1 + from + i);
const FADE = 5;

test('a pause falls silent within the fade, keeps the queue, and tells the place', async () => {
  const p = await player();
  p.push(1, 0, 300);
  p.play(100);
  p.pause(1);
  assert.equal(loud(p.play(50)), FADE - 1, 'of the fade, the last sample is silent already');
  assert.equal(loud(p.play(500)), 0);
  assert.deepEqual(p.told(), ['start 1@0 playing', 'pause 1@100']);
  p.resume(1);
  assert.equal(loud(p.play(500)), 200);
  assert.deepEqual(p.told(), ['start 1@100 playing', 'underrun 1@300']);
});

test('what is heard around a pause is the sound, with nothing lost and nothing twice', async () => {
  for (const pausedFor of [0, 2, 5, 7, 64, 1000]) {
    const p = await player();
    p.pushRamp(1, 0, 250);
    const before = whole(p.play(100));
    p.pause(1);
    const between = whole(p.play(pausedFor));
    p.pushRamp(1, 250, 150);
    p.resume(1);
    p.end(1, 400);
    const after = whole(p.play(400));
    const heard = [...between, ...after];
    // The fade out lies over the fade in: in sum, each sample once.
    const fadedOut = heard.slice(0, FADE);
    const rest = heard.slice(Math.max(FADE, pausedFor));
    const sound = [...before, ...rest.map((sample, i) => (i < FADE ? sample + fadedOut[i] : sample))];
    assert.deepEqual(whole(sound.map((sample) => sample / 32768)).slice(0, 400), ramp(0, 400), `paused for ${pausedFor}`);
  }
});

test('sound that comes during a pause waits', async () => {
  const p = await player();
  p.push(1, 0, 60);
  p.play(30);
  p.pause(1);
  p.push(1, 60, 100);
  p.end(1, 160);
  assert.equal(loud(p.play(300)), FADE - 1);
  p.resume(1);
  assert.equal(loud(p.play(300)), 130);
  assert.deepEqual(p.told(), ['start 1@0 playing', 'pause 1@30', 'start 1@30 playing', 'end 1@160']);
});

test('a response that is paused before it sounds starts when it goes on', async () => {
  const p = await player();
  p.pushRamp(1, 0, 100);
  p.pause(1);
  assert.equal(loud(p.play(200)), 0);
  p.resume(1);
  assert.deepEqual(whole(p.play(100)), ramp(0, 100));
});

test('stopping drops what is paused, and the next response sounds', async () => {
  const p = await player();
  p.push(1, 0, 200);
  p.play(50);
  p.pause(1);
  p.play(50);
  p.stop(1);
  assert.equal(loud(p.play(200)), 0);
  p.resume(1);
  assert.equal(loud(p.play(200)), 0);
  p.push(2, 0, 60);
  assert.equal(loud(p.play(60)), 60);
  assert.deepEqual(p.told(), ['start 1@0 playing', 'pause 1@50', 'stop 1@50', 'start 2@0 playing']);
});

test('a pause of a response that is over changes nothing', async () => {
  const p = await player();
  p.push(1, 0, 60);
  p.end(1, 60);
  p.play(80);
  p.pause(1);
  p.push(2, 0, 60);
  assert.equal(loud(p.play(60)), 60);
});

test('a response may begin in its midst, and tells its place from there', async () => {
  const p = await player();
  p.pushRamp(3, 700, 60);
  p.end(3, 760);
  assert.deepEqual(whole(p.play(60)), ramp(700, 760));
  p.play(10);
  assert.deepEqual(p.told(), ['start 3@700 playing', 'end 3@760']);
});

test('after a lost connection, sound that is there already is not heard twice', async () => {
  const p = await player();
  p.pushRamp(3, 0, 100);
  p.play(60);
  p.pause(3);
  p.play(20);
  p.pushRamp(3, 40, 100);
  p.end(3, 140);
  p.resume(3);
  const heard = whole(p.play(100));
  assert.deepEqual(heard.slice(FADE, 80), ramp(60 + FADE, 140));
  assert.deepEqual(heard.slice(80), new Array(20).fill(0));
});
