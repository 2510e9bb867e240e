/** The page in a real browser, against a server that speaks the protocol and has no models. */

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, afterEach, before, beforeEach, describe, test } from 'node:test';
import { artifacts, DEADLINE_MS, INSECURE_HOST, launch, openPage, scratch, until, waitForLevel } from './chromium.mjs';
import { ANSWER, HEARD, startMockServer } from './mock-server.mjs';
import { buzz, padded, writeWav } from './wav.mjs';

const RATE = 48_000;
/** A response long enough that only stopping it explains that it fell silent. */
const LONG_SECONDS = 120;

function fakeVoice() {
  const path = join(scratch(), 'microphone.wav');
  writeWav(path, padded(buzz(RATE, 2.5), RATE, { before: 1, after: 30 }), RATE);
  return path;
}

describe('the page', { timeout: 300_000 }, () => {
  let browser;
  let server;
  let opened;

  before(async () => { browser = await launch({ microphone: fakeVoice() }); });
  after(() => browser.close());
  beforeEach(async () => { server = await startMockServer({ seconds: 2 }); });
  afterEach(async () => {
    await opened?.context.close();
    opened = undefined;
    await server.stop();
  });

  async function open(options, url = server.url) {
    opened = await openPage(browser, url, options);
    return opened.page;
  }

  const session = () => server.sessions.at(-1);
  const received = (type) => session().received.filter((message) => message.type === type);
  const press = (page, name) => page.getByRole('button', { name, exact: true }).click();

  /** A call without a microphone that has begun. */
  async function typing(page, text = 'Hello') {
    await page.getByLabel('Type a message').fill(text);
    await page.keyboard.press('Enter');
    await page.locator('body[data-connection=open]').waitFor();
    await page.locator('.turn-you', { hasText: text }).waitFor();
  }

  test('a spoken turn: captions as they are spoken, an answer, its sound and its latency', async () => {
    const page = await open();
    await press(page, 'Start talking');
    await page.locator('body[data-microphone=on]').waitFor();
    await waitForLevel(page, 'microphone', 'loud');
    const partial = page.locator('.turn-you.live .said');
    await partial.waitFor();
    assert.ok(HEARD.startsWith(await partial.textContent()), 'the first words come before the turn has ended');
    await page.locator('.turn-you:not(.live)', { hasText: HEARD }).waitFor();
    await waitForLevel(page, 'voice', 'loud');
    await page.locator('body[data-activity=speaking]').waitFor();
    await page.screenshot({ path: join(artifacts(), 'spoken-turn.png') });
    await page.locator('.turn-assistant', { hasText: ANSWER }).waitFor();
    assert.match(await page.locator('.latency summary').innerText(), /0\.48 s/);
    await page.locator('.latency summary').click();
    assert.match(await page.locator('.latency dl').innerText(), /Saved by beginning early\s+0\.12 s/);
    await page.locator('body[data-activity=listening]').waitFor();
    await waitForLevel(page, 'voice', 'silent');

    const hello = received('hello')[0];
    assert.equal(session().received[0], hello, 'hello is the first message');
    assert.equal(hello.audio.output_rate, await page.evaluate(() => new AudioContext().sampleRate));
    const heard = received('playback');
    assert.equal(heard[0].playing, true);
    assert.deepEqual(heard.at(-1), { type: 'playback', response: 1, position: 2 * session().rate, playing: false });
    const positions = heard.map(({ position }) => position);
    assert.deepEqual(positions, positions.toSorted((a, b) => a - b), 'positions only grow');
    assert.ok(heard.length >= 4, 'positions come while it plays');
    assert.deepEqual(opened.complaints, []);
  });

  test('the stop button and Escape silence an answer at once, and tell the server what was heard', async () => {
    server.options.seconds = LONG_SECONDS;
    for (const stop of [(page) => press(page, 'Stop speaking'), (page) => page.keyboard.press('Escape')]) {
      const page = await open();
      await typing(page);
      await waitForLevel(page, 'voice', 'loud');
      await stop(page);
      await waitForLevel(page, 'voice', 'silent');
      await until(() => received('cancel').length === 1, 'the server is told to stop');
      const types = session().received.map(({ type }) => type);
      assert.equal(types[types.indexOf('cancel') - 1], 'playback', 'the place goes first');
      await page.locator('.turn-assistant.interrupted').waitFor();
      await opened.context.close();
    }
  });

  test('an interruption by the server drops all queued sound', async () => {
    server.options.seconds = LONG_SECONDS;
    const page = await open();
    await typing(page);
    await waitForLevel(page, 'voice', 'loud');
    session().interrupt();
    await waitForLevel(page, 'voice', 'silent');
    session().speech(1, 0, session().rate);
    session().answer('The next one sounds.', LONG_SECONDS);
    await waitForLevel(page, 'voice', 'loud');
    await until(() => received('playback').some(({ response }) => response === 2), 'the next response is heard');
    const late = received('playback').filter(({ response }) => response === 1).at(-1);
    assert.equal(late.playing, false, 'sound of the stopped response that comes late is not played');
  });

  test('typing works without a microphone', async () => {
    const page = await open();
    await typing(page, 'Good evening');
    await waitForLevel(page, 'voice', 'loud');
    assert.deepEqual(received('text'), [{ type: 'text', text: 'Good evening' }]);
    assert.equal(session().frames, 0, 'nothing was recorded');
    assert.deepEqual(opened.complaints, []);
  });

  test('text stays text, whoever it is from', async () => {
    const attack = '<img src=x onerror="document.title=\'broken\'"><b>bold</b>';
    const page = await open();
    await typing(page);
    session().send('partial_user_request', { content: attack });
    await page.locator('.turn-you.live', { hasText: attack }).waitFor();
    session().send('final_user_request', { content: attack });
    session().send('partial_assistant_answer', { content: attack, response: 9 });
    session().send('final_assistant_answer', { content: attack, response: 9, interrupted: true });
    session().send('error', { code: attack, message: attack });
    await page.locator('.turn-assistant.interrupted', { hasText: attack }).waitFor();
    await page.locator('.notice', { hasText: attack }).waitFor();
    assert.equal(await page.locator('#captions img, #captions b, #notices img, #announcer img').count(), 0);
    assert.equal(await page.title(), 'Repartee');
  });

  test('in line the page says calmly where the caller stands, and goes on when it is their turn', async () => {
    server.options.full = 'queue';
    const page = await open();
    await press(page, 'Start talking');
    await until(() => session()?.audioInLine !== undefined, 'it says hello');
    session().stand(2, 10_000);
    const standing = page.getByRole('status').filter({ hasText: 'in line' });
    await standing.getByText('You are number 2 in line, about 10 s.').waitFor();
    await page.locator('body[data-activity=queued]').waitFor();
    await page.screenshot({ path: join(artifacts(), 'queued.png') });
    assert.equal(await page.locator('.notice').count(), 0, 'waiting is no failure');
    session().stand(1, null);
    await standing.getByText('You are next in line.').waitFor();
    assert.equal(session().frames, 0, 'no sound is sent in line');
    await page.getByLabel('Type a message').fill('Hello');
    await page.keyboard.press('Enter');
    session().letIn();
    await page.locator('body[data-connection=open]').waitFor();
    await page.locator('.turn-you', { hasText: 'Hello' }).waitFor();
    assert.equal(await standing.count(), 0);
    assert.equal(server.sessions.length, 1, 'on the same socket');
    assert.deepEqual(opened.complaints, []);
  });

  test('the line can be left, also by keyboard', async () => {
    server.options.full = 'queue';
    const page = await open();
    await press(page, 'Start talking');
    await until(() => session()?.audioInLine !== undefined, 'it says hello');
    session().stand(3, 200_000);
    const leave = page.getByRole('button', { name: 'Leave the line' });
    await leave.waitFor();
    await leave.focus();
    await page.keyboard.press('Enter');
    await page.locator('body[data-activity=idle]').waitFor();
    await until(() => session().socket.readyState === session().socket.CLOSED, 'the server knows');
    assert.equal(await page.getByText('in line').count(), 0);
    await page.getByRole('button', { name: 'Start talking' }).waitFor();
  });

  test('a full server says so, and the page gets in when there is room', async () => {
    for (const full of ['close', 'upgrade']) {
      server.options.full = full;
      const page = await open();
      await press(page, 'Start talking');
      await page.locator('.notice', { hasText: 'The server is full' }).waitFor();
      server.options.full = undefined;
      await press(page, 'Try now');
      await page.locator('body[data-connection=open]').waitFor();
      assert.deepEqual(await page.locator('#notices .notice').allInnerTexts(), []);
      await opened.context.close();
    }
  });

  test('a lost connection comes back by itself', async () => {
    const page = await open();
    await typing(page);
    server.drop();
    await page.locator('.notice', { hasText: 'Connection lost' }).waitFor();
    await page.locator('body[data-connection=open]').waitFor();
    await until(() => server.sessions.length === 2, 'a second session');
    assert.deepEqual(await page.locator('#notices .notice').allInnerTexts(), []);
    await page.locator('.turn-note').waitFor();
    await typing(page, 'Still there?');
    assert.deepEqual(received('text').map(({ text }) => text), ['Still there?']);
  });

  test('an answer that is held falls silent, and goes on where it was', async () => {
    server.options.seconds = 4;
    const page = await open();
    await typing(page);
    await waitForLevel(page, 'voice', 'loud');
    session().hold();
    await waitForLevel(page, 'voice', 'silent');
    await page.locator('body[data-activity=paused]').waitFor();
    await page.getByText('Go on, I’m listening').waitFor();
    await until(() => received('playback').at(-1).playing === false, 'the place is told');
    const held = received('playback').at(-1).position;
    await page.screenshot({ path: join(artifacts(), 'paused.png') });
    session().release();
    await waitForLevel(page, 'voice', 'loud');
    await page.locator('body[data-activity=speaking]').waitFor();
    await page.locator('body[data-activity=ready]').waitFor();
    const positions = received('playback').map(({ position }) => position);
    assert.ok(held > 0 && held < 4 * session().rate, 'held in its midst');
    assert.deepEqual(positions, positions.toSorted((a, b) => a - b), 'positions only grow');
    assert.deepEqual(received('playback').at(-1), { type: 'playback', response: 1, position: 4 * session().rate, playing: false });
    assert.deepEqual(opened.complaints, []);
  });

  test('an answer that is held and then interrupted is dropped', async () => {
    server.options.seconds = LONG_SECONDS;
    const page = await open();
    await typing(page);
    await waitForLevel(page, 'voice', 'loud');
    session().hold();
    await waitForLevel(page, 'voice', 'silent');
    session().interrupt();
    await page.locator('.turn-assistant.interrupted', { hasText: '…' }).waitFor();
    session().answer('The next one sounds.', LONG_SECONDS);
    await until(() => received('playback').some(({ response, playing }) => response === 2 && playing), 'the next response is heard');
    const first = received('playback').filter(({ response }) => response === 1);
    assert.equal(first.at(-1).playing, false);
  });

  test('words that may still change are paler than those that hardly will', async () => {
    const page = await open();
    await typing(page);
    session().send('partial_user_request', { content: 'What is the weather', settled: 'What is' });
    const tentative = page.locator('.turn-you.live .tentative');
    await tentative.waitFor();
    assert.equal(await tentative.textContent(), ' the weather');
    assert.equal(await page.locator('.turn-you.live .said').textContent(), 'What is the weather');
    const colours = await tentative.evaluate((element) => [element, element.parentElement].map((each) => getComputedStyle(each).color));
    assert.notEqual(colours[0], colours[1]);
    session().send('final_user_request', { content: 'What is the weather?' });
    await page.locator('.turn-you:not(.live)', { hasText: 'What is the weather?' }).waitFor();
    assert.equal(await page.locator('.tentative').count(), 0);
  });

  test('a lost session is taken up again: the same captions, and the answer goes on', async () => {
    Object.assign(server.options, { resume: true, seconds: 5, unfinished: true });
    const page = await open();
    await typing(page);
    await waitForLevel(page, 'voice', 'loud');
    await until(() => received('playback').length >= 3, 'some of it was heard');
    await page.locator('.turn-assistant', { hasText: ANSWER }).evaluate((element) => { element.dataset.same = 'yes'; });
    server.drop();
    await page.locator('body[data-connection=lost]').waitFor();
    await waitForLevel(page, 'voice', 'silent');
    const before = received('playback').at(-1).position;
    await page.locator('body[data-connection=open]').waitFor();
    assert.equal(server.sessions.length, 1, 'it is the same session');
    assert.equal(session().resumed, 1);
    await waitForLevel(page, 'voice', 'loud');
    await page.locator('.turn-assistant:not(.live)[data-same=yes]', { hasText: ANSWER }).waitFor();
    await page.locator('body[data-activity=ready]').waitFor();
    const later = received('playback').map(({ position }) => position);
    assert.deepEqual(later, later.toSorted((a, b) => a - b), 'what was heard is not heard again');
    assert.equal(later.at(-1), 5 * session().rate, 'it was heard to its end');
    assert.ok(before < later.at(-1));
    assert.equal(await page.locator('.turn').count(), 2);
    assert.equal(await page.locator('.turn-note').count(), 0);
    assert.deepEqual(await page.locator('#notices .notice').allInnerTexts(), []);
  });

  test('what is asked for while the connection is lost is told when it is back', async () => {
    Object.assign(server.options, { resume: true, seconds: LONG_SECONDS, unfinished: true });
    const page = await open();
    await typing(page);
    await waitForLevel(page, 'voice', 'loud');
    server.drop();
    await page.locator('body[data-connection=lost]').waitFor();
    await press(page, 'Clear conversation');
    await page.locator('body[data-connection=open]').waitFor();
    await until(() => received('clear_history').length === 1, 'the server forgets');
    await page.locator('body[data-conversation=none]').waitFor();
    await waitForLevel(page, 'voice', 'silent');
    assert.equal(session().resumed, 1);
  });

  test('after a reload the conversation can go on, and is shown', async () => {
    Object.assign(server.options, { resume: true, seconds: 5, unfinished: true });
    const page = await open();
    await typing(page);
    await waitForLevel(page, 'voice', 'loud');
    await until(() => received('playback').length >= 3, 'some of it was heard');
    await page.reload();
    await page.getByText('Your conversation is still here').waitFor();
    await page.screenshot({ path: join(artifacts(), 'continue.png') });
    assert.equal(await page.evaluate((token) => document.documentElement.outerHTML.includes(token), session().token), false);
    await press(page, 'Continue talking');
    await page.locator('body[data-connection=open]').waitFor();
    await page.locator('.turn-you', { hasText: 'Hello' }).waitFor();
    await waitForLevel(page, 'voice', 'loud');
    await page.locator('.turn-assistant:not(.live)', { hasText: ANSWER }).waitFor();
    assert.equal(server.sessions.length, 1);
    assert.equal(await page.locator('.turn').count(), 2);
    await until(() => received('playback').at(-1).position === 5 * session().rate, 'it is heard to its end');
    assert.deepEqual(opened.complaints, []);
  });

  test('a conversation that was ended does not wait', async () => {
    server.options.resume = true;
    const page = await open();
    await typing(page);
    assert.ok(await page.evaluate(() => sessionStorage.length) > 0);
    await press(page, 'End');
    assert.equal(await page.evaluate(() => sessionStorage.length), 0);
    await page.reload();
    await page.getByRole('button', { name: 'Start talking', exact: true }).waitFor();
  });

  test('a conversation that waited too long begins anew, and says so', async () => {
    server.options.resume = true;
    const page = await open();
    await typing(page);
    await page.reload();
    server.sessions[0].token = 'gone';
    await press(page, 'Continue talking');
    await page.locator('.turn-note').waitFor();
    assert.equal(server.sessions.length, 2);
  });

  test('a voice can be chosen where there are several, and is chosen again', async () => {
    const page = await open();
    await typing(page);
    assert.equal(await page.getByLabel('Voice').isVisible(), false);
    server.options.voices = ['slt', 'rms', 'clb'];
    await page.reload();
    await typing(page);
    assert.equal(await page.getByLabel('Voice').inputValue(), 'slt');
    await page.getByLabel('Voice').selectOption('rms');
    await until(() => received('set_voice').length === 1, 'the voice is told');
    await page.reload();
    await typing(page);
    assert.equal(await page.getByLabel('Voice').inputValue(), 'rms');
    assert.deepEqual(received('set_voice'), [{ type: 'set_voice', voice: 'rms' }]);
    await page.screenshot({ path: join(artifacts(), 'voices.png') });
  });

  test('a recording is told, as long as it lasts', async () => {
    server.options.recording = 'This conversation is recorded <b>for us</b>.';
    const page = await open();
    await typing(page);
    const notice = page.getByRole('status').filter({ hasText: 'recorded <b>for us</b>' });
    await notice.waitFor();
    assert.equal(await notice.getByRole('button').count(), 0, 'it cannot be sent away');
    await page.locator('#recording', { hasText: 'Recording' }).waitFor();
    await page.screenshot({ path: join(artifacts(), 'recording.png') });
    await press(page, 'End');
    await notice.waitFor({ state: 'detached' });
    assert.equal(await page.locator('#recording').isVisible(), false);
  });

  test('an error of a model is told in human words, and can be dismissed', async () => {
    const page = await open();
    await typing(page);
    session().send('error', { code: 'llm_failed', message: 'internal' });
    const notice = page.getByRole('alert').filter({ hasText: 'Please say it again' });
    await notice.waitFor();
    await notice.getByRole('button', { name: /^Dismiss/ }).click();
    await notice.waitFor({ state: 'detached' });
    assert.equal(await page.getAttribute('body', 'data-connection'), 'open');
  });

  test('muted, the microphone sends silence', async () => {
    const page = await open();
    await press(page, 'Start talking');
    await page.locator('body[data-microphone=on]').waitFor();
    await press(page, 'Mute');
    await page.locator('body[data-activity=muted]').waitFor();
    const before = session().frames;
    session().loudest = 0;
    // Three seconds of frames: the voice in the fake microphone's file lies within them.
    await until(() => session().frames > before + 150, 'frames go on');
    assert.ok(session().loudest < 0.001, `silence, not ${session().loudest}`);
    await press(page, 'Unmute');
    await page.locator('body[data-activity=muted]').waitFor({ state: 'detached' });
  });

  test('clear forgets the conversation on both sides and stops the voice', async () => {
    server.options.seconds = LONG_SECONDS;
    const page = await open();
    await typing(page);
    await waitForLevel(page, 'voice', 'loud');
    await press(page, 'Clear conversation');
    await waitForLevel(page, 'voice', 'silent');
    await until(() => received('clear_history').length === 1, 'the server forgets');
    await page.locator('.turn').first().waitFor({ state: 'detached' });
  });

  test('the conversation can be copied', async () => {
    const page = await open({ permissions: ['clipboard-read', 'clipboard-write'] });
    await typing(page);
    await page.locator('.turn-assistant:not(.live)', { hasText: ANSWER }).waitFor();
    await press(page, 'Copy conversation');
    await page.getByRole('button', { name: 'Copied' }).waitFor();
    assert.equal(await page.evaluate(() => navigator.clipboard.readText()), `You: Hello\nAssistant: ${ANSWER}`);
  });

  test('the pace is told, kept, and told again after a reload', async () => {
    const page = await open();
    await typing(page);
    await page.getByRole('slider').focus();
    await page.keyboard.press('End');
    await until(() => received('set_speed').some(({ speed }) => speed === 100), 'the pace is told');
    await page.reload();
    await typing(page);
    assert.deepEqual(received('set_speed').map(({ speed }) => speed), [100]);
  });

  test('end gives the microphone back, and start begins again', async () => {
    const page = await open();
    await press(page, 'Start talking');
    await page.locator('body[data-microphone=on]').waitFor();
    await press(page, 'End');
    await page.locator('body[data-activity=idle]').waitFor();
    await until(() => session().socket.readyState === session().socket.CLOSED, 'the socket is closed');
    await press(page, 'Start talking');
    await page.locator('body[data-connection=open]').waitFor();
    assert.equal(server.sessions.length, 2);
    assert.deepEqual(opened.complaints, []);
  });

  test('everything can be reached and pressed with the keyboard', async () => {
    const page = await open();
    const reached = [];
    for (let i = 0; i < 12; i += 1) {
      await page.keyboard.press('Tab');
      reached.push(await page.evaluate(() => document.activeElement?.id));
    }
    for (const id of ['script', 'text', 'send', 'start', 'hush', 'pace']) assert.ok(reached.includes(id), `${id} in ${reached}`);
    await page.locator('#start').focus();
    await page.keyboard.press('Enter');
    await page.locator('body[data-connection=open]').waitFor();
    assert.equal(await page.evaluate(() => document.activeElement?.id), 'start', 'the focus stays');
  });

  test('a screen reader hears finals once, and partials not at all', async () => {
    const page = await open();
    await typing(page);
    session().send('partial_user_request', { content: 'half a' });
    await page.locator('.turn-you.live').waitFor();
    session().send('final_user_request', { content: 'half a sentence' });
    const log = page.getByRole('log');
    await log.locator('p', { hasText: 'You: half a sentence' }).waitFor();
    const said = await log.locator('p').allTextContents();
    assert.deepEqual(said, ['You: Hello', `Repartee: ${ANSWER}`, 'You: half a sentence']);
    assert.equal(await log.getAttribute('aria-live'), 'polite');
  });

  test('it fits a phone, with room for fingers, in light and dark', async () => {
    Object.assign(server.options, { seconds: 6, voices: ['slt', 'rms', 'clb'], recording: 'This conversation is recorded.' });
    for (const colorScheme of ['light', 'dark']) {
      for (const [name, viewport] of [['phone', { width: 390, height: 844 }], ['desktop', { width: 1280, height: 800 }], ['small', { width: 320, height: 568 }]]) {
        const page = await open({ viewport, colorScheme });
        await page.screenshot({ path: join(artifacts(), `${name}-${colorScheme}-idle.png`) });
        await typing(page, 'What should I wear tomorrow?');
        await page.locator('.latency').waitFor();
        await page.locator('body[data-activity=speaking]').waitFor();
        await page.screenshot({ path: join(artifacts(), `${name}-${colorScheme}-speaking.png`) });
        assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), viewport.width, 'nothing sticks out');
        session().hold();
        session().send('partial_user_request', { content: 'Wait, what about the day after tomorrow', settled: 'Wait, what about' });
        await page.locator('body[data-activity=paused]').waitFor();
        await page.locator('.turn-you.live').waitFor();
        await page.screenshot({ path: join(artifacts(), `${name}-${colorScheme}-paused.png`) });
        assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), viewport.width, 'nothing sticks out');
        const targets = page.locator('button, input, select, summary');
        for (const target of await targets.all()) {
          const box = await target.boundingBox();
          const label = await target.evaluate((element) => element.outerHTML.slice(0, 60));
          assert.ok(box && box.width >= 44 && box.height >= 44, `${label} is ${box?.width}×${box?.height} on ${name}`);
        }
        await opened.context.close();
      }
    }
  });

  test('an address without https says why there is no microphone, and typing still works', async () => {
    const page = await open({}, `http://${INSECURE_HOST}:${server.port}/`);
    await press(page, 'Start talking');
    await page.locator('.notice', { hasText: 'https' }).first().waitFor();
    await typing(page);
    await page.locator('.turn-assistant', { hasText: ANSWER }).waitFor();
    await until(() => received('playback').some(({ playing }) => !playing), 'an answer without sound counts as heard');
  });

  test('a microphone that is unplugged is told, and can be used again', async () => {
    const page = await open();
    await page.evaluate(() => {
      const ask = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
      navigator.mediaDevices.getUserMedia = async (constraints) => {
        globalThis.stream = await ask(constraints);
        return globalThis.stream;
      };
      navigator.mediaDevices.enumerateDevices = async () => [];
    });
    await press(page, 'Start talking');
    await page.locator('body[data-microphone=on]').waitFor();
    await page.evaluate(() => globalThis.stream.getAudioTracks()[0].dispatchEvent(new Event('ended')));
    const notice = page.locator('.notice', { hasText: 'The microphone is gone' });
    await notice.waitFor();
    await notice.getByRole('button', { name: 'Use the microphone' }).click();
    await page.locator('body[data-microphone=on]').waitFor();
    assert.deepEqual(await page.locator('#notices .notice').allInnerTexts(), []);
  });
});

test('a caller who forbids the microphone is told, and can type', { timeout: 4 * DEADLINE_MS }, async () => {
  const server = await startMockServer({ seconds: 2 });
  const browser = await launch({ microphone: fakeVoice(), allow: false });
  try {
    const { page } = await openPage(browser, server.url);
    await page.getByRole('button', { name: 'Start talking' }).click();
    await page.locator('.notice', { hasText: 'The microphone is not allowed' }).waitFor();
    await page.screenshot({ path: join(artifacts(), 'microphone-denied.png') });
    await page.getByLabel('Type a message').fill('Hello');
    await page.keyboard.press('Enter');
    await page.locator('.turn-assistant', { hasText: ANSWER }).waitFor();
    await waitForLevel(page, 'voice', 'loud');
  } finally {
    await browser.close();
    await server.stop();
  }
});
