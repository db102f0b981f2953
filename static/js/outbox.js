// What was decided by keys is shown at once and sent in order, again where the server does not answer, and from the next
// page where this one is left or its tab is closed: what is to be sent waits in this browser.
import { get, names, remove, set } from "./store.js";
import { showToast } from "./toasts.js";

const LAST = "ltt-page";
const TOLD = "ltt-told";
const MOST_TOLD = 40;
// A form that is held for longer says why.
const SOON = 400;
const WAITS = [500, 1000, 2000, 4000, 8000];
const all = [];

// What was sent when a page was left is sent again by the next: by its key it is stored once.
export const makeKey = () => [...crypto.getRandomValues(new Uint8Array(12))].map((byte) => byte.toString(16).padStart(2, "0")).join("");

// Each page has a queue of its own, which it locks while it sends.
const PAGE = makeKey();
const before = sessionStorage.getItem(LAST);
sessionStorage.setItem(LAST, PAGE);
const lock = (name, act) => (navigator.locks ? navigator.locks.request(name, act) : act());

// All that waits in this browser, whichever page it was decided on.
export const waiting = (key) => names(`${key}/`).flatMap((name) => get(name) ?? []);

// What the server answered the page before: what each item asked for, and the version of its pair since. This page may
// have been made before that, and not know of it.
const readTold = () => JSON.parse(sessionStorage.getItem(TOLD)) ?? [];
export const late = readTold();
sessionStorage.removeItem(TOLD);

function keepTold({ id, fields }, { version }) {
  const told = { id, act: fields.act ?? fields.action, version };
  try {
    sessionStorage.setItem(TOLD, JSON.stringify([...readTold(), told].slice(-MOST_TOLD)));
  } catch {
    // Full or refused: the next page shows what it was made with, and what is stored is stored.
  }
}

// A new session has another token; what comes behind it says which epoch was seen.
function renewToken(item) {
  const [token] = document.querySelector("[name=csrf_token]")?.value.split("@") ?? [];
  const [, epoch] = item.fields.csrf_token.split("@");
  return token ? { ...item, fields: { ...item.fields, csrf_token: `${token}@${epoch}` } } : item;
}

// Waits, but no longer than the connection is away.
export function pause(time) {
  const over = AbortSignal.timeout(time);
  return new Promise((resolve) => {
    over.addEventListener("abort", resolve);
    window.addEventListener("online", resolve, { once: true, signal: over });
  });
}

async function ask({ address, fields }) {
  const answer = await fetch(address, {
    method: "POST",
    body: new URLSearchParams(fields),
    headers: { Accept: "application/json" },
    keepalive: true,
  });
  if (answer.status >= 500 || [408, 429].includes(answer.status)) throw new Error(answer.statusText);
  return [answer.ok, await answer.json()];
}

async function sendOne(item) {
  for (const wait of [...WAITS, 0]) {
    try {
      return await ask(item);
    } catch (error) {
      if (!wait) throw error;
      await pause(wait);
    }
  }
}

export class Outbox {
  // what: a count in words; answered(item, told), refused(item, reason) and emptied() are told what became of items.
  constructor(key, { what, answered, refused, emptied }) {
    Object.assign(this, { key, name: `${key}/${PAGE}`, what, answered, refused, emptied, running: null });
    all.push(this);
    window.addEventListener("online", () => this.drain());
  }

  get items() {
    return get(this.name) ?? [];
  }

  set items(items) {
    if (items.length) set(this.name, items);
    else remove(this.name);
  }

  add(item) {
    this.items = [...this.items, { ...item, mark: makeKey() }];
    this.drain();
  }

  // Takes over what other pages left: that of the page before at once, others when they are closed or done.
  takeOver() {
    const take = (name) => {
      const left = get(name) ?? [];
      if (!left.length) return;
      this.items = [...left.map(renewToken), ...this.items];
      remove(name);
      this.drain();
    };
    take(`${this.key}/${before}`);
    for (const name of names(`${this.key}/`)) if (name !== this.name) lock(name, () => take(name));
  }

  drain() {
    if (!this.items.length || this.running) return;
    // What comes while the page is told that all is sent is sent after that.
    this.running = lock(this.name, () => this.sendAll()).finally(() => (this.running = null));
    this.running.then((isSent) => isSent && this.drain());
  }

  // Whether the server has answered all of it.
  async sendAll() {
    let isSent = true;
    while (this.items.length) {
      const [item] = this.items;
      let answer;
      try {
        answer = await sendOne(item);
      } catch {
        const text = `${this.what(this.items.length)} not saved yet: the server does not answer.`;
        showToast({ text, label: "Try again", act: () => this.drain(), stays: true });
        isSent = false;
        break;
      }
      this.items = this.items.filter((one) => one.mark !== item.mark);
      const [ok, told] = answer;
      const reason = ok ? told.skipped : told.error.message;
      if (reason) this.refused(item, reason);
      else {
        keepTold(item, told);
        this.answered(item, told);
      }
    }
    await this.emptied?.();
    return isSent;
  }
}

// What is held: a form that is sent twice meanwhile goes once. Who leaves its page is asked, but for what has a draft.
const held = new Set();
export const isHolding = () => held.size > 0;
const askToStay = (event) => [...held].some((form) => !form.matches("[data-draft]")) && event.preventDefault();

// The page may have been brought up to date while the form was held: a key means what is there now, and a button that was
// read what it said.
function sendHeld(form, submitter) {
  if (form.isConnected) return form.requestSubmit(submitter?.form === form ? submitter : null);
  const key = submitter?.dataset.key;
  const now = key && document.querySelector(`button[data-key="${CSS.escape(key)}"]:enabled`);
  // A field named "action" hides the property of the form.
  if (now?.form?.getAttribute("action") === form.getAttribute("action")) return now.form.requestSubmit(now);
  form.hidden = true;
  document.body.append(form);
  form.requestSubmit(submitter);
}

// Whatever else is sent waits for what was decided before it, and says so where that takes long. Forms that go through an
// outbox are not held.
export function outboxes() {
  document.addEventListener(
    "submit",
    (event) => {
      const running = all.map((one) => one.running).filter(Boolean);
      if (!running.length || event.target.method !== "post" || event.target.matches("[data-card] form")) return;
      event.preventDefault();
      event.stopImmediatePropagation();
      const { target, submitter } = event;
      if (held.has(target)) return;
      held.add(target);
      window.addEventListener("beforeunload", askToStay);
      let toast = null;
      const text = "This is sent as soon as the server has what you decided before it.";
      const timer = setTimeout(() => (toast = showToast({ text, stays: true })), SOON);
      Promise.all(running).finally(() => {
        held.delete(target);
        if (!held.size) window.removeEventListener("beforeunload", askToStay);
        clearTimeout(timer);
        toast?.remove();
        sendHeld(target, submitter);
      });
    },
    { capture: true },
  );
}
