import assert from 'node:assert/strict';
import { test } from 'node:test';
import { activityOf, initialState, reduce } from '../../state.js';
import { transcript } from '../../turns.js';
import { standingWords } from '../../words.js';

const OPEN = [{ type: 'start' }, { type: 'connection', status: 'open', reason: '' }];

/** The state after these actions; a bare message stands for its arrival. */
function after(...steps) {
  const actions = steps.map((step) => (step.content !== undefined || step.server ? { type: 'message', message: step } : step));
  return actions.reduce(reduce, initialState());
}

const you = (content, final = false) => ({ type: final ? 'final_user_request' : 'partial_user_request', content });
const answer = (content, response, rest = {}) => ({ type: 'partial_assistant_answer', content, response, ...rest });
const answered = (content, response, interrupted = false) => ({ type: 'final_assistant_answer', content, response, interrupted });
const server = (type, fields) => ({ server: true, type, ...fields });

/** The captions in short: `you: text`, with `…` while open and `!` when interrupted. */
function captions(state) {
  return state.turns.map(({ speaker, text, final, interrupted }) => `${speaker}: ${text}${final ? '' : ' …'}${interrupted ? ' !' : ''}`);
}

test('captions of a turn grow, and become final', () => {
  assert.deepEqual(captions(after(...OPEN, you('What'), you('What is'))), ['you: What is …']);
  assert.deepEqual(captions(after(...OPEN, you('What'), you('What is it?', true), answer('A', 1), answer('A cat.', 1), answered('A cat.', 1))), [
    'you: What is it?', 'assistant: A cat.',
  ]);
});

test('an empty caption takes back what was nothing', () => {
  assert.deepEqual(captions(after(...OPEN, you('Uh'), you(''))), []);
  assert.deepEqual(captions(after(...OPEN, you('', true), answered('', 1))), []);
});

test('an interruption cuts the answer it belongs to, and the new turn stands below', () => {
  const state = after(...OPEN, you('Tell me', true), answer('Once upon a time', 1), you('Wait'), answered('Once…', 1, true), you('Wait!', true), answer('Yes?', 2));
  assert.deepEqual(captions(state), ['you: Tell me', 'assistant: Once… !', 'you: Wait!', 'assistant: Yes? …']);
});

test('a partial that comes after the final changes nothing', () => {
  assert.deepEqual(captions(after(...OPEN, answered('All of it.', 1), answer('All', 1))), ['assistant: All of it.']);
});

test('latency belongs to its answer, also when it comes before the words', () => {
  const metrics = server('turn_metrics', { response: 2, speech_end_to_first_audio_sent_ms: 480, speech_end_to_turn_end_ms: null });
  const wanted = { speech_end_to_first_audio_sent_ms: 480, speech_end_to_turn_end_ms: null };
  assert.deepEqual(after(...OPEN, metrics, answer('Hello', 2)).turns[0].metrics, wanted);
  assert.deepEqual(after(...OPEN, answer('Hello', 2), metrics).turns[0].metrics, wanted);
});

test('after a reconnect the same number is another response', () => {
  const state = after(...OPEN, answer('Before', 1), { type: 'connection', status: 'lost', reason: '' }, { type: 'connection', status: 'open', reason: '' }, answer('After', 1));
  assert.deepEqual(captions(state), ['assistant: Before', 'note: A new conversation begins here.', 'assistant: After …']);
});

test('a lost connection is told until it is back', () => {
  const lost = after(...OPEN, { type: 'connection', status: 'lost', reason: '' });
  assert.deepEqual(lost.notices.map(({ key, action }) => [key, action]), [['connection', 'retry-connection']]);
  assert.equal(activityOf(lost), 'waiting');
  assert.deepEqual(reduce(lost, OPEN[1]).notices, []);
});

test('a full server is told in other words than a lost one', () => {
  const [notice] = after({ type: 'start' }, { type: 'connection', status: 'full', reason: '' }).notices;
  assert.match(notice.text, /at capacity/i);
});

const QUEUED = [{ type: 'start' }, { type: 'connection', status: 'queued', reason: '' }];

test('a place in line is known as long as the caller stands there', () => {
  const queued = after(...QUEUED, server('queue', { position: 2, estimated_wait_ms: 10_000 }));
  assert.deepEqual(queued.standing, { position: 2, wait: 10_000 });
  assert.equal(activityOf(queued), 'queued');
  assert.deepEqual(queued.notices, [], 'waiting is no failure');
  const next = reduce(queued, { type: 'message', message: { type: 'queue', position: 1, estimated_wait_ms: null } });
  assert.deepEqual(next.standing, { position: 1, wait: null });
  for (const status of ['open', 'lost', 'full', 'closed', 'refused']) {
    assert.equal(reduce(next, { type: 'connection', status, reason: '' }).standing, null, status);
  }
  assert.equal(reduce(next, { type: 'stop' }).standing, null);
});

test('what is no place in line is ignored', () => {
  for (const position of [0, -1, 1.5, '2', null]) {
    assert.equal(after(...QUEUED, server('queue', { position })).standing, null, String(position));
  }
});

test('a place in line is told in words, with a time if there is one', () => {
  const words = (position, wait) => standingWords({ position, wait });
  assert.equal(words(2, 10_000), 'You are number 2 in line, about 10 s.');
  assert.equal(words(1, 400), 'You are next in line, about 1 s.');
  assert.equal(words(3, 89_000), 'You are number 3 in line, about 89 s.');
  assert.equal(words(3, 200_000), 'You are number 3 in line, about 3 min.');
  assert.equal(words(1, null), 'You are next in line.');
});

test('an engine that does not answer is told until it does', () => {
  const outage = server('error', { code: 'engine_unavailable' });
  const keys = (state) => state.notices.map(({ key }) => key);
  const stuck = after(...OPEN, outage, server('state', { state: 'hearing' }), server('state', { state: 'thinking' }));
  assert.deepEqual(keys(stuck), ['error:engine_unavailable']);
  assert.match(stuck.notices[0].text, /goes on by itself/);
  for (const state of ['thinking', 'speaking']) {
    assert.deepEqual(keys(reduce(stuck, { type: 'message', message: { type: 'state', state } })), [], state);
  }
});

test('a server that throws us out ends the call, and says why', () => {
  const state = after(...OPEN, { type: 'connection', status: 'refused', reason: 'Too many bad messages' });
  assert.equal(state.running, false);
  assert.match(state.notices[0].text, /Too many bad messages/);
});

test('each failure of the microphone has its own words, and goes when it works', () => {
  const texts = ['insecure', 'denied', 'missing', 'busy', 'failed', 'lost']
    .map((failure) => after(...OPEN, { type: 'microphone-failed', failure }).notices[0].text);
  assert.equal(new Set(texts).size, texts.length);
  const works = after(...OPEN, { type: 'microphone-failed', failure: 'denied' }, { type: 'microphone', status: 'on' });
  assert.deepEqual(works.notices, []);
});

test('errors of the server are shown once a code, can be dismissed, and leave the call alone', () => {
  const failure = server('error', { code: 'llm_failed', message: 'x' });
  const state = after(...OPEN, failure, failure, server('error', { code: 'overloaded', message: 'x' }));
  assert.deepEqual(state.notices.map(({ key }) => key), ['error:llm_failed', 'error:overloaded']);
  assert.equal(state.running, true);
  assert.deepEqual(reduce(state, { type: 'dismiss', key: 'error:llm_failed' }).notices.map(({ key }) => key), ['error:overloaded']);
});

test('an unknown code still has words, also one with the name of a property', () => {
  for (const code of ['brand_new', 'constructor', '__proto__']) {
    const [notice] = after(...OPEN, server('error', { code, message: 'x' })).notices;
    assert.equal(notice.title, 'Something went wrong');
  }
});

test('unknown messages and states change nothing', () => {
  const before = after(...OPEN);
  for (const message of [{ type: 'future' }, { type: 'state', state: 'dancing' }, { type: 'error', code: 'unknown_type' }]) {
    assert.equal(reduce(before, { type: 'message', message }), before);
  }
});

test('speaking lasts until the last sound is heard, not until it was sent', () => {
  const sent = after(...OPEN, { type: 'microphone', status: 'on' }, server('state', { state: 'speaking' }), { type: 'sounding', sounding: true }, server('state', { state: 'listening' }));
  assert.equal(activityOf(sent), 'speaking');
  assert.equal(activityOf(reduce(sent, { type: 'sounding', sounding: false })), 'listening');
});

test('hearing the caller shows over the voice that still sounds', () => {
  assert.equal(activityOf(after(...OPEN, { type: 'sounding', sounding: true }, server('state', { state: 'hearing' }))), 'hearing');
});

test('without a microphone it waits for typing, muted it says so', () => {
  assert.equal(activityOf(after(...OPEN)), 'ready');
  assert.equal(activityOf(after(...OPEN, { type: 'microphone', status: 'on' }, { type: 'mute', muted: true })), 'muted');
  assert.equal(activityOf(initialState()), 'idle');
});

test('clear empties the page, and so does the server', () => {
  const talk = [...OPEN, you('Hi', true), answered('Hello.', 1)];
  assert.deepEqual(after(...talk, { type: 'clear' }).turns, []);
  assert.deepEqual(after(...talk, server('cleared', {})).turns, []);
});

test('the transcript names the speakers', () => {
  assert.equal(transcript(after(...OPEN, you('Hi', true), answered('Hello.', 1))), 'You: Hi\nAssistant: Hello.');
});

test('an insecure address is told once, for microphone and sound together', () => {
  const microphone = { type: 'microphone-failed', failure: 'insecure' };
  const sound = { type: 'sound', status: 'missing' };
  for (const steps of [[microphone, sound], [sound, microphone]]) {
    assert.deepEqual(after(...OPEN, ...steps).notices.map(({ key }) => key), ['microphone']);
  }
});

test('sound that the browser holds back can be let go, and is told no more once it plays', () => {
  const blocked = after(...OPEN, { type: 'sound', status: 'blocked' });
  assert.deepEqual(blocked.notices.map(({ action }) => action), ['enable-sound']);
  assert.deepEqual(reduce(blocked, { type: 'sound', status: 'on' }).notices, []);
});

const LOST = { type: 'connection', status: 'lost', reason: '' };
const AGAIN = { type: 'connection', status: 'open', reason: '', resumed: true };
const history = (...turns) => server('history', {
  turns: turns.map(([role, content, interrupted = false]) => ({ role, content, interrupted })),
});
const ids = (state) => state.turns.map(({ id }) => id);

test('what will hardly change is told apart while it is spoken, and not after', () => {
  const partial = (settled) => ({ ...you('What is the weather'), settled });
  assert.equal(after(...OPEN, partial('What is')).turns[0].settled, 'What is');
  assert.equal(after(...OPEN, partial('Something else')).turns[0].settled, '');
  assert.equal(after(...OPEN, you('What')).turns[0].settled, '', 'an older server says nothing of it');
  assert.equal(after(...OPEN, partial('What is'), you('What is the weather?', true)).turns[0].settled, '');
});

test('an answer that is held says that it listens, whatever still sounds', () => {
  const paused = after(...OPEN, { type: 'sounding', sounding: true }, server('state', { state: 'paused' }));
  assert.equal(activityOf(paused), 'paused');
  assert.equal(activityOf(after(...OPEN, server('state', { state: 'paused' }), LOST)), 'waiting');
});

test('a session that was taken up again goes on in the same captions', () => {
  const before = after(...OPEN, you('Tell me', true), answer('Once upon', 3));
  const state = [LOST, AGAIN].reduce(reduce, before);
  assert.deepEqual(captions(state), ['you: Tell me', 'assistant: Once upon …']);
  const told = reduce(state, { type: 'message', message: history(['user', 'Tell me']) });
  const on = reduce(told, { type: 'message', message: answer('Once upon a time', 3) });
  assert.deepEqual(captions(on), ['you: Tell me', 'assistant: Once upon a time …']);
  assert.deepEqual(ids(on), ids(before));
  assert.equal(on.session, before.session);
});

test('the history takes the place of what the page missed, and keeps what is the same', () => {
  const metrics = server('turn_metrics', { response: 1, speech_end_to_first_audio_sent_ms: 480 });
  const before = after(...OPEN, you('One', true), answered('First.', 1), metrics, you('Two', true), answer('Sec', 2));
  const state = [LOST, AGAIN, { type: 'message', message: history(['user', 'One'], ['assistant', 'First.'], ['user', 'Two'], ['assistant', 'Second…', true], ['user', 'Three']) }].reduce(reduce, before);
  assert.deepEqual(captions(state), ['you: One', 'assistant: First.', 'you: Two', 'assistant: Second… !', 'you: Three']);
  assert.deepEqual(ids(state).slice(0, 4), ids(before));
  assert.equal(state.turns[1].metrics.speech_end_to_first_audio_sent_ms, 480);
});

test('what the server has forgotten goes from the page', () => {
  const before = after(...OPEN, you('One', true), answered('First.', 1), you('Two', true), answered('Second.', 2));
  const state = [LOST, AGAIN, { type: 'message', message: history(['user', 'Two'], ['assistant', 'Second.']) }].reduce(reduce, before);
  assert.deepEqual(captions(state), ['you: Two', 'assistant: Second.']);
  assert.deepEqual(ids(state), ids(before).slice(2));
});

test('an answer that was heard in part is cut as the server says', () => {
  const before = after(...OPEN, you('Tell me', true), answered('Once upon a time.', 1));
  const state = [LOST, AGAIN, { type: 'message', message: history(['user', 'Tell me'], ['assistant', 'Once upon…', true]) }].reduce(reduce, before);
  assert.deepEqual(captions(state), ['you: Tell me', 'assistant: Once upon… !']);
  assert.deepEqual(ids(state), ids(before));
});

test('after a reload the history is the page, and a half answer goes on in its own caption', () => {
  const reloaded = after({ type: 'start' }, AGAIN, history(['user', 'Tell me'], ['assistant', 'Once upon…']));
  assert.deepEqual(captions(reloaded), ['you: Tell me', 'assistant: Once upon…']);
  const on = reduce(reloaded, { type: 'message', message: answer('Once upon a time', 3) });
  assert.deepEqual(captions(on), ['you: Tell me', 'assistant: Once upon a time …']);
  const next = reduce(reloaded, { type: 'message', message: answer('Yes?', 3) });
  assert.deepEqual(captions(next), ['you: Tell me', 'assistant: Once upon…', 'assistant: Yes? …']);
});

test('a history that is none changes nothing', () => {
  for (const turns of [undefined, 'x', [null, 5, {}, { role: 'constructor', content: 'x' }, { role: 'user', content: 7 }]]) {
    assert.deepEqual(captions(after(...OPEN, server('history', { turns }))), []);
  }
});

test('who expected to go on is told that it is a new conversation', () => {
  const state = after({ type: 'waiting', waiting: true }, ...OPEN);
  assert.deepEqual(captions(state), ['note: A new conversation begins here.']);
  assert.equal(state.waiting, false);
});

test('a recording is told once, stays, and goes with the conversation', () => {
  const recording = server('recording', { content: 'You are on tape.' });
  const state = after(...OPEN, recording, recording);
  assert.deepEqual(state.notices.map(({ tone, title }) => [tone, title]), [['fact', 'You are on tape.']]);
  assert.equal(state.recording, true);
  for (const end of [{ type: 'stop' }, OPEN[1], { type: 'connection', status: 'refused', reason: '' }]) {
    const over = reduce(state, end);
    assert.equal(over.recording, false);
    assert.equal(over.notices.some(({ key }) => key === 'recording'), false);
  }
  assert.equal(reduce(state, AGAIN).recording, true);
  assert.match(after(...OPEN, server('recording', { content: ' ' })).notices[0].title, /recorded/);
});

test('voices are known from the welcome', () => {
  const { voices, voice } = after(...OPEN, server('welcome', { voices: ['slt', 7, 'rms'], voice: 'slt' }));
  assert.deepEqual([voices, voice], [['slt', 'rms'], 'slt']);
  assert.deepEqual(after(...OPEN, server('welcome', {})).voices, []);
});
