// @ts-check
/**
 * The token that takes a lost session up again. It is a secret: whoever has it hears the rest of the
 * conversation, so it stays in this tab and is neither shown nor logged.
 */

const KEY = 'repartee.resume';
/** What docs/protocol.md says; anything else is no sub-protocol's name and would break the socket. */
const TOKEN = /^[0-9a-f]{32}$/;

/** The newest token, in memory and in the tab's storage, so that it outlives a reload. */
export class ResumeToken {
  /**
   * @param {Pick<Storage, 'getItem' | 'setItem' | 'removeItem'> | null} storage null: there is none
   * @param {() => number} now milliseconds, of a clock that goes on while the page is away
   */
  constructor(storage, now) {
    this.storage = storage;
    this.now = now;
    /** @type {{ token: string, within: number, at: number } | null} `at`: when it was last in use */
    this.kept = this.stored();
  }

  /** @returns {string | null} what to offer to the server */
  get token() {
    return this.kept?.token ?? null;
  }

  /** @returns {number} milliseconds for which the server still keeps the session, by our clock */
  get left() {
    return this.kept ? Math.max(0, this.kept.at + this.kept.within - this.now()) : 0;
  }

  /**
   * @param {unknown} token from a `welcome`
   * @param {unknown} within milliseconds that it holds once the connection is lost
   */
  keep(token, within) {
    if (typeof token !== 'string' || !TOKEN.test(token) || typeof within !== 'number') {
      this.forget();
      return;
    }
    this.kept = { token, within, at: this.now() };
    this.store();
  }

  /** The connection is lost, or the page goes away: the time runs from now on. */
  touch() {
    if (!this.kept) return;
    this.kept.at = this.now();
    this.store();
  }

  /** The conversation was ended, not lost. */
  forget() {
    this.kept = null;
    try {
      this.storage?.removeItem(KEY);
    } catch {
      // Without storage there is nothing to remove.
    }
  }

  store() {
    try {
      this.storage?.setItem(KEY, JSON.stringify(this.kept));
    } catch {
      // Private windows may have no storage; a reload then begins anew.
    }
  }

  /** What a page before this one left, if it is still good. */
  stored() {
    try {
      const { token, within, at } = JSON.parse(this.storage?.getItem(KEY) ?? 'null') ?? {};
      const good = TOKEN.test(String(token)) && at + within > this.now();
      return good ? { token: String(token), within: Number(within), at: Number(at) } : null;
    } catch {
      return null;
    }
  }
}

/** @returns {ResumeToken} the one of this tab */
export function tokenOfThisTab() {
  return new ResumeToken(tabStorage(), Date.now);
}

function tabStorage() {
  try {
    return sessionStorage;
  } catch {
    // A page in a sandbox may not even look.
    return null;
  }
}
