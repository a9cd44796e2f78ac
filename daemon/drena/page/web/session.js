/**
 * Where the token comes from, and who is told when there is none any more.
 *
 * Three ways, as the page's configuration says: a person pastes it (kept in this tab's session storage, so that a reload
 * does not ask again and closing the tab forgets it); an application of the same origin leaves it in session storage
 * under a name of its own; an application that frames or has opened this page hands it over with `postMessage`, from one
 * of the origins that were named. It never stands in an address.
 */

const OWN_KEY = "drena.token";
const ASK = "drena:token-needed";
const GIVE = "drena:token";
const HANDED_WITHIN_MS = 5_000;

export class Session {
  /** @param {{required: boolean, storage_key: string | null, parents: string[]}} auth */
  constructor(auth) {
    this.auth = auth;
    this.token = null;
    this.refused = null; // a token the server did not take is not offered again
    this.onToken = () => {};
    this.waiting = new Set();
    if (this.canBeHanded) window.addEventListener("message", (event) => this.#take(event));
  }

  get open() {
    return !this.auth.required;
  }

  /** Whether another window may hand the token over. */
  get canBeHanded() {
    return this.auth.required && this.auth.parents.length > 0 && this.#keeper !== null;
  }

  get #keeper() {
    return window.parent !== window ? window.parent : window.opener;
  }

  /** The token to use now; null when a person has to sign in. */
  async get({ renew = false } = {}) {
    if (this.open) return null;
    if (renew) this.token = null;
    const left = this.#left();
    if (left !== null && left !== this.refused && left !== this.token) this.token = left;
    if (this.token === null && this.canBeHanded) this.token = await this.#ask();
    return this.token;
  }

  #left() {
    const { storage_key: key } = this.auth;
    return (key && read(key)) || read(OWN_KEY);
  }

  /** Whether an application of the same origin has left another token since the last one was refused. */
  hasNew() {
    const { storage_key: key } = this.auth;
    const left = key ? read(key) : null;
    return left !== null && left !== this.refused;
  }

  paste(token) {
    this.token = token;
    this.refused = null;
    try {
      sessionStorage.setItem(OWN_KEY, token);
    } catch {
      // a browser that forbids storage still holds it in memory
    }
  }

  /** The server did not take the token: it is forgotten. */
  refuse() {
    this.refused = this.token;
    this.forget();
  }

  forget() {
    this.token = null;
    try {
      sessionStorage.removeItem(OWN_KEY);
    } catch {
      // nothing was stored
    }
  }

  #ask() {
    this.#keeper?.postMessage({ type: ASK }, "*"); // says nothing that anybody could use
    return new Promise((resolve) => {
      const answer = (token) => {
        clearTimeout(timer);
        this.waiting.delete(answer);
        resolve(token);
      };
      const timer = setTimeout(() => answer(null), HANDED_WITHIN_MS);
      this.waiting.add(answer);
    });
  }

  #take(event) {
    const { type, token } = event.data ?? {};
    if (type !== GIVE || typeof token !== "string" || token === "") return;
    if (event.source !== this.#keeper || !this.auth.parents.includes(event.origin)) return;
    const fresh = token !== this.token;
    this.token = token;
    this.refused = null;
    if (this.waiting.size > 0) for (const answer of [...this.waiting]) answer(token);
    else if (fresh) this.onToken();
  }
}

function read(key) {
  try {
    return sessionStorage.getItem(key);
  } catch {
    return null;
  }
}
