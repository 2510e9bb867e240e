import assert from 'node:assert/strict';
import { test } from 'node:test';
import { backOff, Connection } from '../../connection.js';
import { ResumeToken } from '../../resume-token.js';

const TOKEN = '00112233445566778899aabbccddeeff';

/** A world without a network, whose clock the test turns. */
function world({ ready = 200 } = {}) {
  const sockets = [];
  const timers = new Map();
  let timer = 0;
  return {
    sockets,
    /** The waits that have been asked for and not given up. */
    waits: () => [...timers.values()].map(({ ms }) => ms),
    /** Lets the waits end. */
    elapse() {
      const due = [...timers.values()];
      timers.clear();
      for (const { run } of due) run();
    },
    WebSocket: class {
      constructor(url, protocols) {
        Object.assign(this, { url, protocols, sent: [], bufferedAmount: 0, closed: false });
        sockets.push(this);
      }

      send(data) { this.sent.push(data); }

      close(code) { this.closed = true; this.code = code; }
    },
    fetch: async () => ({ status: ready }),
    setTimeout(run, ms) { timer += 1; timers.set(timer, { run, ms }); return timer; },
    clearTimeout(id) { timers.delete(id); },
    random: () => 1,
    token: new ResumeToken(null, () => 0),
  };
}

function connect(given = world()) {
  const statuses = [];
  const messages = [];
  const connection = new Connection(
    { socket: 'ws://here/ws', ready: 'http://here/readyz' },
    () => ({ type: 'hello' }),
    { status: (status, { resumed }) => statuses.push(resumed ? `${status} again` : status), message: (message) => messages.push(message), audio: (bytes) => messages.push(bytes) },
    given,
  );
  connection.open();
  return { connection, statuses, messages, given, socket: () => given.sockets.at(-1) };
}

function welcome(socket, fields = {}) {
  socket.onopen();
  socket.onmessage({ data: JSON.stringify({ type: 'welcome', ...fields }) });
}

test('it says hello first, and is open once it is welcome', () => {
  const { connection, statuses, socket } = connect();
  assert.deepEqual(socket().protocols, ['repartee.v1']);
  socket().onopen();
  assert.deepEqual(socket().sent, ['{"type":"hello"}']);
  assert.equal(connection.send({ type: 'cancel' }), false, 'nothing goes out before the welcome');
  socket().onmessage({ data: '{"type":"welcome"}' });
  assert.equal(connection.send({ type: 'cancel' }), true);
  assert.deepEqual(statuses, ['connecting', 'open']);
});

test('a lost connection comes back, later each time, and soon again after it was there', () => {
  const { statuses, given, socket } = connect();
  const waits = [];
  const lose = () => { socket().onclose({ code: 1006, reason: '' }); waits.push(...given.waits()); given.elapse(); };
  lose();
  lose();
  lose();
  welcome(socket());
  lose();
  assert.deepEqual(waits, [500, 1000, 2000, 500]);
  assert.deepEqual(statuses.filter((status) => status !== 'connecting'), ['lost', 'lost', 'lost', 'open', 'lost']);
});

test('waits have a ceiling, and are spread', () => {
  assert.equal(backOff(30, 1), 15_000);
  assert.equal(backOff(1, 0), 250);
  assert.equal(backOff(3, 0.5), 1500);
});

test('in line it waits as long as it takes, and is let in on the same socket', () => {
  const { connection, statuses, messages, given, socket } = connect();
  socket().onopen();
  socket().onmessage({ data: '{"type":"queue","position":2,"estimated_wait_ms":10000}' });
  assert.deepEqual(given.waits(), [], 'nobody gives up');
  assert.equal(connection.send({ type: 'cancel' }), false, 'there is no session yet');
  socket().onmessage({ data: '{"type":"queue","position":1,"estimated_wait_ms":null}' });
  socket().onmessage({ data: '{"type":"welcome"}' });
  assert.deepEqual(statuses, ['connecting', 'queued', 'open']);
  assert.deepEqual(messages.map(({ type }) => type), ['queue', 'queue', 'welcome']);
  assert.equal(given.sockets.length, 1);
});

test('who leaves the line closes for good', () => {
  const { connection, statuses, given, socket } = connect();
  socket().onopen();
  socket().onmessage({ data: '{"type":"queue","position":2}' });
  connection.close();
  assert.equal(socket().code, 1000);
  assert.deepEqual(given.waits(), []);
  assert.deepEqual(statuses, ['connecting', 'queued', 'closed']);
});

test('who has waited too long asks again later', () => {
  const { statuses, given, socket } = connect();
  socket().onopen();
  socket().onmessage({ data: '{"type":"queue","position":2}' });
  socket().onclose({ code: 1008, reason: 'Server at capacity' });
  assert.deepEqual(given.waits(), [5000]);
  assert.deepEqual(statuses, ['connecting', 'queued', 'full']);
});

test('a server at capacity is full, and asked again later', () => {
  const { statuses, given, socket } = connect();
  socket().onopen();
  socket().onclose({ code: 1008, reason: 'Server at capacity' });
  assert.deepEqual(statuses, ['connecting', 'full']);
  assert.deepEqual(given.waits(), [5000]);
  given.elapse();
  welcome(socket());
  assert.deepEqual(statuses, ['connecting', 'full', 'connecting', 'open']);
});

test('a refused upgrade of a server that is not ready means full', async () => {
  const { statuses, socket } = connect(world({ ready: 503 }));
  socket().onclose({ code: 1006, reason: '' });
  await new Promise(setImmediate);
  assert.deepEqual(statuses, ['connecting', 'lost', 'full']);
});

test('a server that is ready was lost, not full', async () => {
  const { statuses, socket } = connect();
  socket().onclose({ code: 1006, reason: '' });
  await new Promise(setImmediate);
  assert.deepEqual(statuses, ['connecting', 'lost']);
});

test('a server that throws us out is not asked again', () => {
  const { statuses, given, socket } = connect();
  welcome(socket());
  socket().onclose({ code: 1008, reason: 'Too many bad messages' });
  assert.deepEqual(statuses.at(-1), 'refused');
  assert.deepEqual(given.waits(), []);
});

test('a server that never greets is lost', () => {
  const { statuses, given, socket } = connect();
  socket().onopen();
  given.elapse();
  assert.equal(statuses.at(-1), 'lost');
  assert.equal(socket().closed, true);
});

test('trying now does not wait', () => {
  const { connection, given, socket } = connect();
  socket().onclose({ code: 1006, reason: '' });
  connection.retryNow();
  assert.equal(given.sockets.length, 2);
  connection.retryNow();
  assert.equal(given.sockets.length, 2, 'one socket at a time');
});

test('after the end nothing comes back', () => {
  const { connection, statuses, given } = connect();
  connection.close();
  given.elapse();
  connection.retryNow();
  assert.equal(given.sockets.length, 1);
  assert.deepEqual(statuses, ['connecting', 'closed']);
});

test('sound is dropped while the line is clogged, and a line that stays so is lost', () => {
  const { connection, statuses, socket } = connect();
  welcome(socket());
  const line = socket();
  line.bufferedAmount = 1_000_000;
  assert.equal(connection.sendAudio(new ArrayBuffer(4)), false);
  assert.equal(statuses.at(-1), 'open');
  for (let i = 0; i < 300; i += 1) connection.sendAudio(new ArrayBuffer(4));
  assert.equal(statuses.at(-1), 'lost');
  assert.equal(line.sent.length, 1, 'only the hello went out');
});

test('what is not a message is ignored', () => {
  const { messages, socket } = connect();
  welcome(socket());
  for (const data of ['nonsense', 'null', '5', '[1]', '{"no":"type"}', '{"type":7}']) socket().onmessage({ data });
  assert.deepEqual(messages, [{ type: 'welcome' }]);
});

test('a lost session is asked for again, with the newest token', () => {
  const { statuses, given, socket } = connect();
  welcome(socket(), { resume: 'f'.repeat(32), resume_within_ms: 30_000 });
  socket().onclose({ code: 1006, reason: '' });
  given.elapse();
  assert.deepEqual(socket().protocols, ['repartee.v1', `repartee.resume.${'f'.repeat(32)}`]);
  welcome(socket(), { resume: TOKEN, resume_within_ms: 30_000, resumed: true });
  assert.equal(statuses.at(-1), 'open again');
  socket().onclose({ code: 1006, reason: '' });
  given.elapse();
  assert.deepEqual(socket().protocols, ['repartee.v1', `repartee.resume.${TOKEN}`]);
});

test('a session that was ended is not asked for again', () => {
  const { connection, given, socket } = connect();
  welcome(socket(), { resume: TOKEN, resume_within_ms: 30_000 });
  const line = socket();
  connection.close();
  assert.equal(line.code, 1000, 'the server need not wait');
  connection.open();
  assert.deepEqual(given.sockets.at(-1).protocols, ['repartee.v1']);
});

test('nobody beyond the connection sees the token', () => {
  const { messages, socket } = connect();
  welcome(socket(), { resume: TOKEN, resume_within_ms: 30_000, voices: ['slt'] });
  assert.deepEqual(messages, [{ type: 'welcome', resume_within_ms: 30_000, voices: ['slt'] }]);
});

test('a server that keeps no sessions, or names nonsense, is not asked for any', () => {
  for (const resume of [null, undefined, 7, 'short', `${TOKEN}\n`, TOKEN.toUpperCase()]) {
    const { given, socket } = connect();
    welcome(socket(), { resume, resume_within_ms: 30_000 });
    socket().onclose({ code: 1006, reason: '' });
    given.elapse();
    assert.deepEqual(socket().protocols, ['repartee.v1'], String(resume));
  }
});
