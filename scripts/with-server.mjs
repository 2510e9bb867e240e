/**
 * Runs a command while a server runs, and ends with the command's exit code:
 *
 *     node scripts/with-server.mjs REPARTEE LOG COMMAND [ARGUMENT...]
 *
 * REPARTEE is the binary; it listens on a free port of this machine and logs to the file LOG. The
 * command starts once the server is ready and finds its address in REPARTEE_URL.
 */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { openSync, readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

/** Loading models takes seconds; so long, and something is wrong. */
const READY_WITHIN_MS = 120_000;
const POLL_MS = 100;
/** A server that has not stopped so long after it was asked to is killed. */
const STOP_WITHIN_MS = 30_000;

async function freePort() {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  await once(server, 'close');
  return port;
}

/** @param {import('node:child_process').ChildProcess} child */
const running = (child) => child.exitCode === null && child.signalCode === null;

async function ready(url) {
  try {
    return (await fetch(`${url}/readyz`)).ok;
  } catch {
    return false; // it does not listen yet
  }
}

async function waitUntilReady(server, url, log) {
  const deadline = Date.now() + READY_WITHIN_MS;
  while (!await ready(url)) {
    if (!running(server) || Date.now() > deadline) {
      throw new Error(`the server did not become ready; its log:\n${readFileSync(log, 'utf8')}`);
    }
    await sleep(POLL_MS);
  }
}

async function stop(server) {
  if (!running(server)) return;
  const exit = once(server, 'exit');
  server.kill('SIGTERM');
  const timer = setTimeout(() => server.kill('SIGKILL'), STOP_WITHIN_MS);
  await exit;
  clearTimeout(timer);
}

async function main([binary, log, command, ...commandArguments]) {
  if (!command) throw new Error('usage: with-server.mjs REPARTEE LOG COMMAND [ARGUMENT...]');
  const address = `127.0.0.1:${await freePort()}`;
  const url = `http://${address}`;
  const file = openSync(log, 'w');
  const server = spawn(binary, ['serve', '--address', address], {
    stdio: ['ignore', file, file],
    env: { ...process.env, NO_COLOR: '1' },
  });
  server.on('error', (error) => console.error(`could not start ${binary}: ${error.message}`));
  for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => { void stop(server).then(() => process.exit(1)); });
  try {
    await waitUntilReady(server, url, log);
    const child = spawn(command, commandArguments, {
      stdio: ['ignore', 'inherit', 'inherit'],
      env: { ...process.env, REPARTEE_URL: url },
    });
    const [code] = await once(child, 'exit');
    if (!running(server)) throw new Error(`the server ended early; its log:\n${readFileSync(log, 'utf8')}`);
    process.exitCode = code ?? 1;
  } finally {
    await stop(server);
  }
}

await main(process.argv.slice(2)).catch((error) => {
  console.error(error.message);
  process.exitCode = 1;
});
