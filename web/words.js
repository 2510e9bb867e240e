// @ts-check
/** What the page says to people when something goes wrong: what it is, and what they can do. */

/**
 * @typedef {object} Words
 * @property {string} title
 * @property {string} text
 */

/** The code of an error that lasts until the server says otherwise. */
export const OUTAGE = 'engine_unavailable';

/** @type {Record<string, Words>} */
const ERRORS = {
  stt_failed: {
    title: 'That was not understood',
    text: 'The speech recognition failed on this turn. Please say it again.',
  },
  llm_failed: {
    title: 'No answer this time',
    text: 'The language model failed on this turn. Please say it again.',
  },
  tts_failed: {
    title: 'The voice failed',
    text: 'The answer could not be spoken; what there is of it is written below. Please try again.',
  },
  overloaded: {
    title: 'Too much at once',
    text: 'The server had no room for this turn. Please say it again in a moment.',
  },
  [OUTAGE]: {
    title: 'The assistant does not answer',
    text: 'A part of the server is stuck. The conversation goes on by itself when it works again.',
  },
  audio_queue_full: {
    title: 'The server is falling behind',
    text: 'A little of what you said may be missing.',
  },
  audio_too_fast: {
    title: 'The sound came in a rush',
    text: 'Your device sent more sound than the server takes. Some of it was dropped.',
  },
  not_allowed: {
    title: 'This server does not allow that',
    text: 'Its settings do not let callers choose it. Nothing was changed.',
  },
  message_too_large: {
    title: 'That is too long',
    text: 'A typed message may have 4,000 characters at most. Please shorten it.',
  },
};

/**
 * @param {string} code of an `error` message
 * @returns {Words}
 */
export function errorWords(code) {
  return Object.hasOwn(ERRORS, code) ? ERRORS[code] : {
    title: 'Something went wrong',
    text: `The server reports a problem (${code}). If it goes on, reload the page.`,
  };
}

/** @type {Record<import('./capture.js').MicrophoneFailure | 'lost', Words>} */
const MICROPHONE = {
  insecure: {
    title: 'No microphone on this address',
    text: 'Browsers give microphone and sound only to pages opened by https:// or on localhost. '
      + 'Open this page that way. You can type meanwhile.',
  },
  denied: {
    title: 'The microphone is not allowed',
    text: 'Allow it for this page in your browser’s address bar or settings, then try again. '
      + 'You can type meanwhile, and listen.',
  },
  missing: {
    title: 'No microphone found',
    text: 'Plug one in or switch it on, then try again. You can type meanwhile, and listen.',
  },
  busy: {
    title: 'The microphone is taken',
    text: 'Another program seems to use it. Close that, then try again. You can type meanwhile.',
  },
  failed: {
    title: 'The microphone did not start',
    text: 'Please try again. You can type meanwhile, and listen.',
  },
  lost: {
    title: 'The microphone is gone',
    text: 'It was unplugged or switched off. Plug it in, then try again. You can type meanwhile.',
  },
};

/**
 * @param {import('./capture.js').MicrophoneFailure | 'lost'} failure
 * @returns {Words}
 */
export function microphoneWords(failure) {
  return MICROPHONE[failure];
}

/**
 * @param {'lost' | 'full' | 'refused'} status
 * @param {string} reason the server's, if it gave one
 * @returns {Words}
 */
export function connectionWords(status, reason) {
  if (status === 'full') {
    return {
      title: 'The server is full',
      text: 'Every place is taken (server at capacity). The page keeps asking and starts as soon as there is room.',
    };
  }
  if (status === 'refused') {
    return {
      title: 'The server closed the connection',
      text: reason ? `It says: ${reason}.` : 'It gave no reason. Press Start to try again.',
    };
  }
  return {
    title: 'Connection lost',
    text: 'The page is trying to reach the server again, by itself.',
  };
}

/** An estimate longer than this is told in minutes. */
const MINUTES_FROM_MS = 90_000;

/**
 * @param {import('./state.js').Standing} standing
 * @returns {string}
 */
export function standingWords({ position, wait }) {
  const place = position === 1 ? 'You are next in line' : `You are number ${position} in line`;
  if (wait === null) return `${place}.`;
  const time = wait < MINUTES_FROM_MS ? `${Math.max(1, Math.ceil(wait / 1000))} s` : `${Math.round(wait / 60_000)} min`;
  return `${place}, about ${time}.`;
}

/** The browser holds sound back until the page is touched. */
export const SOUND_BLOCKED = {
  title: 'Sound is waiting for you',
  text: 'The browser plays nothing before you touch the page.',
};

/** There is no way to play sound here. */
export const SOUND_MISSING = {
  title: 'This browser plays no sound here',
  text: 'The answers come as text. Opening the page by https:// or on localhost, in a current browser, helps.',
};

/** Said when a server that records has no words of its own. */
export const RECORDING = 'This conversation is recorded.';
