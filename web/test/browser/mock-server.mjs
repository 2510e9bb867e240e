/**
 * A server that speaks docs/protocol.md in its extended form, without models: it hears loudness
 * and answers with a tone. Run by itself it serves the page:
 *
 *     node test/browser/mock-server.mjs PORT
 */

import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { extname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';
import { WebSocketServer } from 'ws';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const HEADER_BYTES = 16;
const FRAME_SECONDS = 0.04;
/** RMS above which someone speaks, and how much silence ends a turn. */
const SPEECH_LEVEL = 0.01;
const PAUSE_SECONDS = 0.8;
const TONE_HZ = 330;
const TONE_LEVEL = 9000;
const MIME = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
};

export const HEARD = 'What is the weather like in Paris today?';
export const ANSWER = 'Mild and a little grey, with a promise of sun by the afternoon. Take a scarf, and leave the umbrella at home.';
const METRICS = {
  speech_end_to_turn_end_ms: 310,
  speech_end_to_transcript_ms: 270,
  speech_end_to_first_token_ms: 390,
  speech_end_to_first_sentence_ms: 430,
  speech_end_to_first_audio_ms: 470,
  speech_end_to_first_audio_sent_ms: 480,
  speculative: true,
  saved_ms: 120,
};
const RESUME_WITHIN_MS = 30_000;
const RESUME_PREFIX = 'repartee.resume.';

/** One caller's conversation. */
class MockSession {
  constructor(socket, options) {
    this.options = options;
    this.token = randomBytes(16).toString('hex');
    /** How often it was taken up again. */
    this.resumed = 0;
    /** What `history` tells. */
    this.turns = [];
    /** Samples of the answer that were heard. */
    this.heard = 0;
    this.received = [];
    this.frames = 0;
    this.loudest = 0;
    this.rate = 0;
    this.response = 0;
    this.answering = null;
    this.speaking = false;
    this.words = 0;
    this.quiet = 0;
    this.attach(socket);
  }

  /** @returns {boolean} whether its caller is away, and may come back */
  get waits() {
    return this.options.resume && this.socket.readyState === this.socket.CLOSED;
  }

  attach(socket) {
    this.socket = socket;
    socket.on('message', (data, binary) => (binary ? this.audio(data) : this.message(JSON.parse(data))));
  }

  send(type, fields = {}) {
    this.socket.send(JSON.stringify({ type, ...fields }));
  }

  message(message) {
    this.received.push(message);
    switch (message.type) {
      case 'hello': this.hello(message.audio); break;
      case 'text': this.turn(message.text); break;
      case 'cancel': this.interrupt(); break;
      case 'clear_history': this.interrupt(); this.send('cleared'); break;
      case 'playback': this.played(message); break;
      default: break;
    }
  }

  hello(audio) {
    if (this.options.full !== 'queue') this.welcome(audio);
    else this.audioInLine = audio;
  }

  /** Where its caller stands in line. */
  stand(position, wait) {
    this.send('queue', { position, estimated_wait_ms: wait });
  }

  /** It is its caller's turn. */
  letIn() {
    this.welcome(this.audioInLine);
  }

  welcome(audio) {
    this.rate = audio.output_rate;
    this.inputRate = audio.input_rate;
    const { resume, recording, voices = [] } = this.options;
    const resumed = this.resumed > 0;
    this.send('welcome', {
      version: 1,
      connection: 'c1',
      audio,
      engines: { stt: 'mock', llm: 'mock', tts: 'mock' },
      resume: resume ? this.token : null,
      resume_within_ms: resume ? RESUME_WITHIN_MS : 0,
      resumed,
      voice: voices[0] ?? null,
      voices,
      instructions_allowed: false,
    });
    if (recording) this.send('recording', { content: recording });
    if (resumed) this.send('history', { turns: this.turns });
    this.send('state', { state: this.answering ? 'speaking' : 'listening' });
    if (resumed && this.answering) this.goOn();
  }

  /** The rest of an answer that was cut off, from where it was heard on. */
  goOn() {
    const { response, text, samples } = this.answering;
    this.send('partial_assistant_answer', { content: text, response });
    this.sound(response, this.heard, samples);
    this.send('final_assistant_answer', { content: text, response, interrupted: false });
    this.send('audio_end', { response, samples });
  }

  /** The caller may be interrupting, or was not. */
  hold() {
    this.send('pause', { response: this.response });
    this.send('state', { state: 'paused' });
  }

  release() {
    this.send('resume', { response: this.response });
    this.send('state', { state: 'speaking' });
  }

  audio(data) {
    this.frames += 1;
    const count = (data.length - HEADER_BYTES) / 2;
    let energy = 0;
    for (let i = 0; i < count; i += 1) energy += (data.readInt16LE(HEADER_BYTES + i * 2) / 32768) ** 2;
    const level = Math.sqrt(energy / count);
    this.loudest = Math.max(this.loudest, level);
    if (level > SPEECH_LEVEL) this.hear();
    else if (this.speaking) this.pause(count / this.inputRate);
  }

  hear() {
    this.quiet = 0;
    if (!this.speaking) {
      this.interrupt();
      this.speaking = true;
      this.words = 0;
      this.send('state', { state: 'hearing' });
    }
    this.words += 1;
    const words = HEARD.split(' ').slice(0, 1 + Math.floor(this.words / 8));
    const settled = words.slice(0, -2).join(' ');
    if (this.words % 8 === 0) this.send('partial_user_request', { content: words.join(' '), settled });
  }

  pause(seconds) {
    this.quiet += seconds;
    if (this.quiet < PAUSE_SECONDS) return;
    this.speaking = false;
    this.turn(HEARD);
  }

  turn(text) {
    this.interrupt();
    this.send('final_user_request', { content: text });
    this.turns.push({ role: 'user', content: text, interrupted: false });
    this.send('state', { state: 'thinking' });
    this.answer(this.options.answer ?? ANSWER, this.options.seconds ?? 6);
  }

  /** Text and a tone; all of the sound at once, as the real server may. */
  answer(text, seconds) {
    this.response += 1;
    const response = this.response;
    const samples = Math.round(seconds * this.rate);
    this.answering = { response, text, samples };
    this.send('partial_assistant_answer', { content: text.slice(0, 20), response });
    this.send('state', { state: 'speaking' });
    this.heard = 0;
    this.sound(response, 0, samples);
    this.send('turn_metrics', { response, ...METRICS });
    this.send('partial_assistant_answer', { content: text, response });
    if (this.options.unfinished) return;
    this.send('final_assistant_answer', { content: text, response, interrupted: false });
    this.send('audio_end', { response, samples });
  }

  sound(response, from, to) {
    const size = Math.round(this.rate * FRAME_SECONDS);
    for (let at = from; at < to; at += size) this.speech(response, at, Math.min(size, to - at));
  }

  speech(response, position, count) {
    const frame = Buffer.alloc(HEADER_BYTES + count * 2);
    frame.writeUInt8(2, 0);
    frame.writeUInt32LE(response, 4);
    frame.writeBigUInt64LE(BigInt(position), 8);
    for (let i = 0; i < count; i += 1) {
      const t = (position + i) / this.rate;
      frame.writeInt16LE(Math.round(TONE_LEVEL * Math.sin(2 * Math.PI * TONE_HZ * t) * (0.6 + 0.4 * Math.sin(9 * t))), HEADER_BYTES + i * 2);
    }
    this.socket.send(frame);
  }

  interrupt() {
    if (!this.answering) return;
    const { response, text } = this.answering;
    this.answering = null;
    const content = `${text.slice(0, 30)}…`;
    this.turns.push({ role: 'assistant', content, interrupted: true });
    this.send('final_assistant_answer', { content, response, interrupted: true });
    this.send('stop_tts', { content: '', response });
    this.send('tts_interruption', { content: '', response });
    this.send('state', { state: 'listening' });
  }

  played({ response, position, playing }) {
    if (this.answering?.response !== response) return;
    this.heard = position;
    if (playing || position !== this.answering.samples) return;
    this.turns.push({ role: 'assistant', content: this.answering.text, interrupted: false });
    this.answering = null;
    this.send('state', { state: 'listening' });
  }
}

/**
 * Starts the server. Options may be changed while it runs:
 * `full` ('close' or 'upgrade': refuse callers so; 'queue': they wait in line), `silent` (upgrade never answered by a welcome),
 * `answer`, `seconds`, `unfinished` (an answer that has not ended yet), `resume` (lost sessions wait),
 * `voices`, `recording` (what callers are told about it).
 * @param {Record<string, any>} options
 * @param {number} port 0: any
 */
export async function startMockServer(options = {}, port = 0) {
  const sessions = [];
  const http = createServer((request, response) => serve(request, response, options));
  const sockets = new WebSocketServer({ noServer: true, handleProtocols: (offered) => (offered.has('repartee.v1') ? 'repartee.v1' : false) });
  http.on('upgrade', (request, stream, head) => {
    if (options.full === 'upgrade') {
      stream.end('HTTP/1.1 503 Service Unavailable\r\nRetry-After: 5\r\nConnection: close\r\n\r\n');
      return;
    }
    sockets.handleUpgrade(request, stream, head, (socket) => {
      const offered = String(request.headers['sec-websocket-protocol']).split(',').map((name) => name.trim());
      const session = sessions.find(({ token, waits }) => waits && offered.includes(RESUME_PREFIX + token));
      if (session) {
        session.resumed += 1;
        session.attach(socket);
      } else if (options.full === 'close') socket.close(1008, 'Server at capacity');
      else sessions.push(new MockSession(socket, options));
    });
  });
  await new Promise((resolve) => { http.listen(port, '127.0.0.1', resolve); });
  return {
    url: `http://localhost:${http.address().port}/`,
    port: http.address().port,
    options,
    sessions,
    /** Loses all connections, as a network does. */
    drop() { for (const socket of sockets.clients) socket.terminate(); },
    async stop() {
      this.drop();
      http.closeAllConnections();
      await new Promise((resolve) => { http.close(resolve); });
    },
  };
}

async function serve(request, response, options) {
  const { pathname } = new URL(request.url, 'http://localhost');
  if (pathname === '/readyz') {
    response.writeHead(options.full ? 503 : 200).end();
    return;
  }
  const path = normalize(pathname === '/' ? '/index.html' : pathname.replace(/^\/static\//, '/'));
  try {
    const body = await readFile(join(ROOT, path));
    response.writeHead(200, { 'content-type': MIME[extname(path)] ?? 'application/octet-stream', 'cache-control': 'no-store' });
    response.end(body);
  } catch {
    response.writeHead(404).end();
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url) && process.argv[2]) {
  const server = await startMockServer({ resume: true, voices: ['slt', 'rms', 'clb'] }, Number(process.argv[2]));
  console.log(server.url);
}
