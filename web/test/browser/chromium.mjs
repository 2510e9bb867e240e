/** Starts Chromium with a fake microphone, and watches its pages. */

import { existsSync, mkdirSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';

const NAMES = ['chromium', 'chromium-browser', 'google-chrome'];
/** A name that is neither https nor localhost: what a page on a plain LAN address is to a browser. */
export const INSECURE_HOST = 'voice.example';

/** How long a condition may take to come true; nothing waits this long when all is well. */
export const DEADLINE_MS = 20_000;

/** Where screenshots go. */
export function artifacts() {
  const folder = process.env.ARTIFACTS ?? fileURLToPath(new URL('../artifacts', import.meta.url));
  mkdirSync(folder, { recursive: true });
  return folder;
}

/** A folder for files that no one needs afterwards. */
export function scratch() {
  return mkdtempSync(join(tmpdir(), 'repartee-web-'));
}

/**
 * @param {{ microphone: string, allow?: boolean }} options `microphone`: a WAV file, played once
 */
export async function launch({ microphone, allow = true }) {
  const asRoot = process.getuid?.() === 0 ? ['--no-sandbox'] : [];
  return chromium.launch({
    executablePath: executable(),
    headless: true,
    args: [
      ...asRoot,
      `--use-fake-ui-for-media-stream${allow ? '' : '=deny'}`,
      '--use-fake-device-for-media-stream',
      `--use-file-for-fake-audio-capture=${microphone}%noloop`,
      '--autoplay-policy=no-user-gesture-required',
      `--host-resolver-rules=MAP ${INSECURE_HOST} 127.0.0.1`,
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  });
}

/**
 * A page of its own, with what it complains about.
 * @param {import('playwright-core').Browser} browser
 * @param {string} url
 * @param {import('playwright-core').BrowserContextOptions} [options]
 */
export async function openPage(browser, url, options = {}) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, ...options });
  const page = await context.newPage();
  page.setDefaultTimeout(DEADLINE_MS);
  const complaints = [];
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') complaints.push(message.text());
  });
  page.on('pageerror', (error) => complaints.push(String(error)));
  await page.goto(url);
  await page.waitForSelector('body[data-activity]');
  return { page, context, complaints };
}

/**
 * Waits until the loudness of one side, as the audio threads measure it, is as wanted.
 * @param {import('playwright-core').Page} page
 * @param {'voice' | 'microphone'} side
 * @param {'loud' | 'silent'} wanted
 */
export async function waitForLevel(page, side, wanted) {
  await page.waitForFunction(([of, want]) => {
    const level = Number(document.getElementById('orb').dataset[of]);
    return want === 'loud' ? level > 0.02 : level === 0;
  }, [side, wanted]);
}

/**
 * Waits for something outside the page.
 * @param {() => boolean} condition
 * @param {string} what
 * @param {number} [within] milliseconds
 */
export async function until(condition, what, within = DEADLINE_MS) {
  const deadline = Date.now() + within;
  while (!condition()) {
    if (Date.now() > deadline) throw new Error(`never happened: ${what}`);
    await new Promise((resolve) => { setTimeout(resolve, 20); });
  }
}

function executable() {
  if (process.env.CHROMIUM) return process.env.CHROMIUM;
  for (const folder of (process.env.PATH ?? '').split(delimiter)) {
    for (const name of NAMES) {
      if (existsSync(join(folder, name))) return join(folder, name);
    }
  }
  throw new Error(`no ${NAMES.join(', ')} on PATH; name one in CHROMIUM`);
}
