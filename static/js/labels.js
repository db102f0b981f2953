// A, R and V label the row of the list at once, without a new page. What is to be sent waits in order, also over pages.
import { showToast } from "./toasts.js";

const KEY = "ltt-labels";
const WAITS = [500, 1000, 2000, 4000, 8000];
let running = null;
let done = 0;

const waiting = () => JSON.parse(sessionStorage.getItem(KEY) ?? "[]");
const store = (items) => sessionStorage.setItem(KEY, JSON.stringify(items));
const rowOf = (id) => document.querySelector(`tr[data-row][data-id="${id}"]`);
const pause = (time) => new Promise((resolve) => setTimeout(resolve, time));

export function statusOf(row) {
  return row.querySelector("[data-status-of]")?.dataset.now;
}

function show(id, status) {
  const row = rowOf(id);
  const button = row?.querySelector("[data-status-of]");
  const look = document.querySelector(`#row-status [value=${status}]`);
  if (!button || !look) return;
  button.dataset.now = status;
  row.querySelector(".refused")?.remove();
  for (const place of [button, row.querySelector(".qa .status")?.parentElement]) {
    place?.replaceChildren(...[...look.childNodes].map((node) => node.cloneNode(true)));
  }
}

function refuse(item, reason) {
  show(item.id, item.before);
  const note = document.createElement("span");
  note.className = "refused error sm";
  note.textContent = reason;
  rowOf(item.id)?.querySelector(".qa").append(note);
  showToast({ text: `Pair ${item.id}: ${reason}` });
}

// The open editor saves, and deletes, from the version that the label made.
function follow(item, version) {
  const form = document.querySelector("form[data-draft]");
  if (form?.dataset.draft.split("/")[1] !== String(item.id)) return;
  const field = form.querySelector("[name=version]");
  const status = form.querySelector("[name=status]");
  if (field.value === field.defaultValue) field.value = version;
  field.defaultValue = version;
  for (const other of document.querySelectorAll(".drawer footer [name=version]")) other.value = version;
  status.value = item.status;
}

async function ask(item) {
  const body = new URLSearchParams({
    id: item.id,
    action: item.status,
    csrf_token: item.token,
  });
  const answer = await fetch(item.address, { method: "POST", body, headers: { Accept: "application/json" }, keepalive: true });
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

async function sendAll() {
  let last = null;
  while (waiting().length) {
    const [item] = waiting();
    let answer;
    try {
      answer = await sendOne(item);
    } catch {
      const count = waiting().length;
      const text = `${count} ${count === 1 ? "label is" : "labels are"} not saved yet: the server does not answer.`;
      showToast({ text, label: "Try again", act: drain, stays: true });
      break;
    }
    store(waiting().slice(1));
    const [ok, told] = answer;
    const reason = ok ? told.skipped : told.error.message;
    if (reason) refuse(item, reason);
    else {
      done += 1;
      if (told.number) last = told;
      if (told.version) follow(item, told.version);
    }
  }
  if (last) showToast({ ...last, text: done > 1 ? `${last.text} ${done} pairs in all, one step each.` : last.text });
  await refresh();
}

// Counts, and what Undo would do, as they are now.
async function refresh() {
  const answer = await fetch(location.href, { headers: { Accept: "text/html" } }).catch(() => null);
  if (!answer?.ok) return;
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  for (const place of [".undo-redo", "#matching"]) {
    const [old, fresh] = [document.querySelector(place), page.querySelector(place)];
    if (old && fresh && !old.contains(document.activeElement)) old.replaceWith(document.importNode(fresh, true));
  }
  for (const place of ["#facets .n", ".nav .n"]) {
    const [old, fresh] = [document, page].map((one) => [...one.querySelectorAll(place)]);
    if (old.length === fresh.length) old.forEach((count, at) => (count.textContent = fresh[at].textContent));
  }
}

function drain() {
  running ??= sendAll().finally(() => (running = null));
  return running;
}

export function label(row, status) {
  // A field named "action" hides the property of the form.
  const address = row.closest("form").getAttribute("action");
  // The token of this page, also where another page sends it: it says which epoch the label was given in.
  const { value: token } = document.querySelector("[name=csrf_token]");
  const item = { id: row.dataset.id, status, before: statusOf(row), address, token };
  show(item.id, status);
  store([...waiting(), item]);
  drain();
}

export function labels() {
  for (const item of waiting()) show(item.id, item.status);
  if (waiting().length) drain();
  window.addEventListener("online", () => waiting().length && drain());
  // Whatever else is sent waits for the labels that came before it.
  document.addEventListener(
    "submit",
    (event) => {
      if (!running || event.target.method !== "post") return;
      event.preventDefault();
      event.stopImmediatePropagation();
      const { target, submitter } = event;
      running.finally(() => target.requestSubmit(submitter));
    },
    { capture: true },
  );
}
