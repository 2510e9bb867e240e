/**
 * The page against a running server with real models. Wants, in the environment:
 * REPARTEE_URL (address of the page), SPEECH_WAV (mono 16-bit speech that asks for an answer) and
 * SPEECH_WORDS (comma separated, each of which must appear in the captions).
 */

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { artifacts, launch, openPage, scratch, until, waitForLevel } from './chromium.mjs';
import { padded, readWav, writeWav } from './wav.mjs';

/** Models on a slow machine take their time; nothing waits this long when all is well. */
const MODEL_DEADLINE_MS = 90_000;

const { REPARTEE_URL, SPEECH_WAV, SPEECH_WORDS } = process.env;
const missing = Object.entries({ REPARTEE_URL, SPEECH_WAV, SPEECH_WORDS })
  .filter(([, value]) => !value).map(([name]) => name);
const skip = missing.length > 0 && `not set: ${missing.join(', ')}`;

/** The speech with silence around it, as the fake microphone plays it. */
function spoken() {
  const { pcm, rate } = readWav(SPEECH_WAV);
  const path = join(scratch(), 'microphone.wav');
  writeWav(path, padded(pcm, rate, { before: 1, after: 60 }), rate);
  return path;
}

/** Writes down the text messages of both directions. */
function overhear(page) {
  const heard = { sent: [], received: [] };
  const keep = (list) => ({ payload }) => {
    if (typeof payload === 'string') list.push(JSON.parse(payload));
  };
  page.on('websocket', (socket) => {
    socket.on('framesent', keep(heard.sent));
    socket.on('framereceived', keep(heard.received));
  });
  return heard;
}

async function type(page, text) {
  await page.getByLabel('Type a message').fill(text);
  await page.keyboard.press('Enter');
  await page.locator('.turn-you', { hasText: text }).waitFor();
}

/** The newest response that has begun to sound. */
const sounding = (heard) => heard.sent.filter(({ type: of, playing }) => of === 'playback' && playing).at(-1)?.response ?? 0;

test('a spoken turn with real models, and an interruption', { skip, timeout: 6 * MODEL_DEADLINE_MS }, async () => {
  const browser = await launch({ microphone: spoken() });
  try {
    const { page, complaints } = await openPage(browser, REPARTEE_URL);
    page.setDefaultTimeout(MODEL_DEADLINE_MS);
    const heard = overhear(page);

    await page.getByRole('button', { name: 'Start talking' }).click();
    for (const word of SPEECH_WORDS.split(',')) {
      await page.locator('.turn-you:not(.live)', { hasText: word.trim() }).first().waitFor();
    }
    assert.ok(heard.received.some(({ type: of }) => of === 'partial_user_request'), 'captions came while it was spoken');
    await waitForLevel(page, 'voice', 'loud');
    await page.screenshot({ path: join(artifacts(), 'live-speaking.png') });
    await page.locator('.turn-assistant:not(.live) .said').first().waitFor();
    assert.match(await page.locator('.turn-assistant .said').first().innerText(), /\w/);
    await page.locator('.latency').first().waitFor();

    const first = sounding(heard);
    await type(page, 'Please tell me a long story about the sea and a ship.');
    await until(() => sounding(heard) > first, 'the story sounds', MODEL_DEADLINE_MS);
    const story = sounding(heard);
    await type(page, 'Wait. Count from one to twenty instead.');
    await until(() => heard.received.some(({ type: of, response }) => of === 'stop_tts' && response === story), 'the story is stopped', MODEL_DEADLINE_MS);
    await until(() => sounding(heard) > story, 'the next answer sounds', MODEL_DEADLINE_MS);
    const late = heard.sent.filter(({ type: of, response }) => of === 'playback' && response === story).at(-1);
    assert.equal(late.playing, false, 'the story fell silent');

    await waitForLevel(page, 'voice', 'loud');
    await page.keyboard.press('Escape');
    await waitForLevel(page, 'voice', 'silent');
    await page.screenshot({ path: join(artifacts(), 'live-interrupted.png') });
    assert.deepEqual(heard.received.filter(({ type: of }) => of === 'error'), []);
    assert.deepEqual(complaints, []);
  } finally {
    await browser.close();
  }
});
