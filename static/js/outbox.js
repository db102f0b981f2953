// What was decided by keys is shown at once and sent in order, again where the server does not answer, and from the next
// page where this one is left: what is to be sent waits in this tab.
import { showToast } from "./toasts.js";

const WAITS = [500, 1000, 2000, 4000, 8000];
const all = [];

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
    Object.assign(this, { key, what, answered, refused, emptied, running: null });
    all.push(this);
    window.addEventListener("online", () => this.drain());
  }

  get items() {
    return JSON.parse(sessionStorage.getItem(this.key) ?? "[]");
  }

  set items(items) {
    sessionStorage.setItem(this.key, JSON.stringify(items));
  }

  add(item) {
    this.items = [...this.items, item];
    this.drain();
  }

  drain() {
    if (!this.items.length || this.running) return;
    // What comes while the page is told that all is sent is sent after that.
    this.running = this.sendAll().finally(() => (this.running = null));
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
      this.items = this.items.slice(1);
      const [ok, told] = answer;
      const reason = ok ? told.skipped : told.error.message;
      if (reason) this.refused(item, reason);
      else this.answered(item, told);
    }
    await this.emptied?.();
    return isSent;
  }
}

// Whatever else is sent waits for what was decided before it. Forms that go through an outbox are not held.
export function outboxes() {
  document.addEventListener(
    "submit",
    (event) => {
      const running = all.map((one) => one.running).filter(Boolean);
      if (!running.length || event.target.method !== "post" || event.target.matches("[data-review] form")) return;
      event.preventDefault();
      event.stopImmediatePropagation();
      const { target, submitter } = event;
      Promise.all(running).finally(() => target.requestSubmit(submitter));
    },
    { capture: true },
  );
}
