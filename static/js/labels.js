// A, R and V label the row of the list at once, without a new page.
import { late, Outbox, waiting } from "./outbox.js";
import { showToast } from "./toasts.js";
import { renewUndo } from "./undoing.js";

let done = 0;
let last = null;

const rowOf = (id) => document.querySelector(`tr[data-row][data-id="${id}"]`);

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

function refuse({ id, before }, reason) {
  show(id, before);
  const note = document.createElement("span");
  note.className = "refused error sm";
  note.textContent = reason;
  rowOf(id)?.querySelector(".qa").append(note);
  showToast({ text: `Pair ${id}: ${reason}` });
}

// The open editor saves, and deletes, from the version that a label made: of what it shows, that has changed the status alone.
export function followInEditor(id, version, status) {
  const form = document.querySelector("form[data-draft]");
  const choice = form?.querySelector(`[name=status] [value="${status}"]`);
  if (!version || !choice || form.dataset.draft.split("/")[1] !== String(id)) return;
  const field = form.querySelector("[name=version]");
  if (field.value === field.defaultValue) field.value = version;
  field.defaultValue = version;
  for (const other of document.querySelectorAll(".drawer footer [name=version]")) other.value = version;
  choice.selected = true;
}

// The same where the answer came while the page of the editor was already being made.
function followLate() {
  for (const { id, act, version } of late) {
    const seen = document.querySelector(`form[data-draft*="/${id}/"] [name=version]`);
    if (Number(seen?.defaultValue) === version - 1) followInEditor(id, version, act);
  }
}

function follow({ id, fields }, told) {
  done += 1;
  if (told.number) last = told;
  renewUndo(told.history);
  followInEditor(id, told.version, fields.action);
}

// Counts as they are now.
async function refresh() {
  if (last) showToast({ ...last, text: done > 1 ? `${last.text} ${done} pairs in all, one step each.` : last.text });
  last = null;
  const answer = await fetch(location.href, { headers: { Accept: "text/html" } }).catch(() => null);
  if (!answer?.ok) return;
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const [old, fresh] = [document, page].map((one) => one.querySelector("#matching"));
  if (old && fresh && !old.contains(document.activeElement)) old.replaceWith(document.importNode(fresh, true));
  for (const place of ["#facets .n", ".nav .n"]) {
    const [old, fresh] = [document, page].map((one) => [...one.querySelectorAll(place)]);
    if (old.length === fresh.length) old.forEach((count, at) => (count.textContent = fresh[at].textContent));
  }
}

const outbox = new Outbox("ltt-labels", {
  what: (count) => (count === 1 ? "1 label is" : `${count} labels are`),
  answered: follow,
  refused: refuse,
  emptied: refresh,
});

export function label(row, status) {
  // A field named "action" hides the property of the form.
  const address = row.closest("form").getAttribute("action");
  // The token of this page, also where another page sends it: it says which epoch the label was given in.
  const { value: csrf_token } = document.querySelector("[name=csrf_token]");
  const id = row.dataset.id;
  const item = { id, address, before: statusOf(row), fields: { id, action: status, csrf_token } };
  show(id, status);
  outbox.add(item);
}

export function labels() {
  for (const { id, fields } of waiting(outbox.key)) show(id, fields.action);
  followLate();
  outbox.takeOver();
}
