import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ResumeToken } from '../../resume-token.js';

const TOKEN = '00112233445566778899aabbccddeeff';

/** The storage of one tab, and a clock that the test turns. */
function tab() {
  const items = new Map();
  const given = {
    items,
    time: 1_000,
    storage: {
      getItem: (key) => items.get(key) ?? null,
      setItem: (key, value) => items.set(key, value),
      removeItem: (key) => items.delete(key),
    },
    /** The page after a reload. */
    load: () => new ResumeToken(given.storage, () => given.time),
  };
  return given;
}

test('a token outlives a reload, as long as the server keeps the session', () => {
  const given = tab();
  given.load().keep(TOKEN, 30_000);
  given.time += 29_000;
  assert.equal(given.load().token, TOKEN);
  assert.equal(given.load().left, 1_000);
  given.time += 1_000;
  assert.equal(given.load().token, null);
  assert.equal(given.load().left, 0);
});

test('the time runs from when the page went away, not from when the call began', () => {
  const given = tab();
  const page = given.load();
  page.keep(TOKEN, 30_000);
  given.time += 600_000;
  assert.equal(page.token, TOKEN, 'within the call it is offered whatever the time');
  page.touch();
  given.time += 10_000;
  assert.equal(given.load().left, 20_000);
});

test('what was forgotten is nowhere any more', () => {
  const given = tab();
  const page = given.load();
  page.keep(TOKEN, 30_000);
  page.forget();
  page.touch();
  assert.equal(page.token, null);
  assert.equal(given.items.size, 0);
});

test('a storage that was tampered with is as good as empty', () => {
  for (const item of ['', 'x', '5', 'null', '[]', '{}', '{"token":"x","within":9e9,"at":0}', `{"token":"${TOKEN}"}`]) {
    const given = tab();
    given.items.set('repartee.resume', item);
    assert.equal(given.load().token, null, item);
  }
});

test('without a storage the token lasts as long as the page', () => {
  const refuses = () => { throw new Error('denied'); };
  for (const storage of [null, { getItem: refuses, setItem: refuses, removeItem: refuses }]) {
    const page = new ResumeToken(storage, () => 0);
    page.keep(TOKEN, 30_000);
    assert.equal(page.token, TOKEN);
    page.forget();
    assert.equal(page.token, null);
  }
});
