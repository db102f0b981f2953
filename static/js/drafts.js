// What is typed into a pair, or into a bad row of an import, is kept in this browser until the server has saved it. Who
// opens it again sees it, the row of a pair says so, and the head of the page counts all that is not saved and leads to it.
import { fill, read, same } from "./fields.js";
import { pack } from "./conversation.js";
import { get, names, remove, set } from "./store.js";

const PREFIX = "ltt-draft/";
const ownName = (dataset) => `ltt-new/${dataset}`;

// Which epoch of the workspace the page shows: the end of the token that its forms carry.
const epoch = () => document.querySelector("[name=csrf_token]")?.value.split("@")[1];

// A draft by the name it is kept under: { key, place, version, values, epoch, sent, at, page }. What began before a restore
// fits no version now: it is compared with what is stored before it can be saved.
function open(key) {
  const [dataset, id, version] = key.slice(PREFIX.length).split("/");
  const kept = { key, place: `${dataset}/${id}`, id, version, ...get(key) };
  if (!Array.isArray(kept.values)) kept.values = Object.entries(kept.values ?? {});
  return version === "0" || kept.epoch === epoch() ? kept : { ...kept, version: "-1" };
}

// The draft of a pair, whatever version of the pair it began with.
function find(place) {
  const [key] = names(`${PREFIX}${place}/`);
  return key && open(key);
}

function findAll(dataset) {
  return names(`${PREFIX}${dataset}/`).map(open).sort((one, other) => (other.at ?? 0) - (one.at ?? 0));
}

function markSent({ key, values, epoch, at, page }) {
  set(key, { values, epoch, at, page, sent: true });
}

function forget(place, but) {
  for (const name of names(`${PREFIX}${place}/`)) if (name !== but) remove(name);
  document.dispatchEvent(new Event("ltt-drafts"));
}

// Each tab writes new pairs of its own: two that are begun side by side do not take each other's place. One whose draft is
// gone was saved or discarded, perhaps by another tab: what is begun then is another pair.
function ownNew(dataset, chosen) {
  const name = ownName(dataset);
  if (chosen) sessionStorage.setItem(name, chosen);
  else if (!find(`${dataset}/${sessionStorage.getItem(name)}`)) sessionStorage.setItem(name, `new.${Math.random().toString(36).slice(2)}`);
  return `${dataset}/${sessionStorage.getItem(name)}`;
}

function element(tag, className, text) {
  const made = document.createElement(tag);
  made.className = className;
  made.textContent = text;
  return made;
}

// "Not saved yet", with the ways out.
function choices(className, text, save, discard) {
  const note = element("div", className, "");
  const ways = [["Save", save], ["Discard", discard]].filter(([, act]) => act);
  const buttons = ways.map(([label, act]) => {
    const button = element("button", "small", label);
    button.type = "button";
    button.addEventListener("click", () => act(note));
    return button;
  });
  note.append(element("span", "grow", text), ...buttons);
  return note;
}

// Only a server that says so has saved. What was typed after the form had been sent is still a draft.
function settle() {
  const saved = document.querySelector(".toast[data-saved]")?.dataset.saved;
  if (!saved) return;
  const [dataset, id] = saved.split("/");
  const place = id === "new" ? ownNew(dataset) : saved;
  if (find(place)?.sent) forget(place);
}

// Only what this browser cannot keep is lost when the page is left: then, and only then, it asks.
function warn(form, kept) {
  const shown = form.querySelector(".unkept-note");
  if (kept) shown?.remove();
  else if (!shown) {
    const said = "This browser keeps no more drafts: its storage is full, or switched off for this address. Save before you leave this page.";
    const note = element("div", "note unkept-note", said);
    note.dataset.tone = "error";
    note.setAttribute("role", "alert");
    form.prepend(note);
  }
  window.onbeforeunload = kept ? null : (event) => event.preventDefault();
}

function inEditor(form) {
  const [dataset, id] = form.dataset.draft.split("/");
  const [, chosen] = location.hash.match(/^#draft=(new[.a-z0-9]*)$/) ?? [];
  if (chosen) history.replaceState(history.state, "", location.pathname + location.search);
  const place = id === "new" ? ownNew(dataset, chosen) : `${dataset}/${id}`;
  // A form that came back with an error holds what was typed, none of which is stored.
  const refused = form.querySelector("[role=alert]") !== null;
  const stored = refused || "typed" in form.dataset ? null : read(form, { stored: true });
  const version = form.querySelector("[name=version], [name=was]");
  // The draft of a new pair may have been stored by a server whose answer never came: under its name it is stored once.
  if (id === "new") form.querySelector("[name=key]").value = place;
  // Who goes back sees the draft, or what is stored: never what the browser put there again, which may be saved long since.
  form.autocomplete = "off";
  const state = form.closest(".drawer")?.querySelector("[data-draft-state]");
  const tell = () => state && (state.hidden = !find(place));

  function keep() {
    const values = read(form);
    const key = `${PREFIX}${place}/${version.value}`;
    if (same(stored, values)) {
      forget(place);
      warn(form, true);
    } else {
      warn(form, set(key, { values, epoch: epoch(), at: Date.now(), page: location.pathname }));
      forget(place, key);
    }
    tell();
  }

  function show(kept) {
    fill(form, kept.values);
    // Saved from the version it began with, so that what somebody else saved meanwhile is not lost. A page that was sent
    // what was typed says by itself from which one it goes on.
    if (kept.version !== "0" && !("typed" in form.dataset)) version.value = kept.version;
    tell();
    if (form.querySelector(".draft-note")) return;
    const discard = (note) => {
      forget(place);
      if (!stored) return location.assign(location.href);
      fill(form, stored);
      version.value = version.defaultValue;
      note.remove();
      warn(form, true);
      tell();
    };
    const note = choices("note draft-note", "Not saved yet. You see your own text.", () => form.requestSubmit(), discard);
    note.dataset.tone = "warn";
    note.setAttribute("role", "status");
    form.prepend(note);
  }

  form.addEventListener("input", keep);
  form.addEventListener("submit", () => {
    const kept = find(place);
    if (kept) markSent(kept);
    window.onbeforeunload = null;
  });
  document.querySelector(`form[data-discards="${place}"]`)?.addEventListener("submit", () => forget(place));
  // The same pair in another tab: what is typed there shows here, and what was saved or discarded there is loaded anew.
  window.addEventListener("storage", (event) => {
    if (refused || !event.key?.startsWith(`${PREFIX}${place}/`)) return;
    const before = event.oldValue && JSON.parse(event.oldValue).values;
    const mine = read(form);
    if (!same(stored, mine) && !same(before, mine)) return;
    if (event.newValue) show(open(event.key));
    else if (!find(place)) location.reload();
  });
  const kept = find(place);
  if (refused) return tell();
  if (!kept && !same(stored, read(form))) return keep();
  if (!kept || same(stored, kept.values)) return forget(place);
  show(kept);
}

// Sends a draft without opening its pair.
function send(address, kept) {
  const form = element("form", "", "");
  form.method = "post";
  form.enctype = "multipart/form-data";
  form.action = address;
  form.hidden = true;
  const token = document.querySelector("[name=csrf_token]").value;
  for (const [name, value] of [...pack(kept.values), ["version", kept.version], ["csrf_token", token], ["then", "list"], ["key", kept.place]]) {
    const field = element("textarea", "", "");
    field.name = name;
    field.value = value;
    form.append(field);
  }
  document.body.append(form);
  if (kept.id.startsWith("new")) sessionStorage.setItem(ownName(kept.place.split("/")[0]), kept.id);
  markSent(kept);
  form.requestSubmit();
}

function discardEverywhere(place) {
  const open = document.querySelector(`form[data-draft^="${place}/"]`);
  const [dataset] = place.split("/");
  const isOwnNew = place === `${dataset}/${sessionStorage.getItem(ownName(dataset))}`;
  forget(place);
  if (open || (isOwnNew && document.querySelector('form[data-draft*="/new/"]'))) location.reload();
}

function inRows(list) {
  const { drafts, save } = list.dataset;
  for (const row of list.querySelectorAll("tr[data-row]")) {
    const place = `${drafts}/${row.dataset.id}`;
    const shown = row.querySelector(".draft-line");
    if (!find(place)) shown?.remove();
    if (shown || !find(place)) continue;
    const line = choices(
      "draft-line line",
      "",
      () => send(save.replace("/pairs/0", `/pairs/${row.dataset.id}`), find(place)),
      () => discardEverywhere(place),
    );
    line.querySelector("span").replaceWith(Object.assign(element("span", "badge", "Not saved"), { title: "Your text is kept in this browser" }));
    line.querySelector(".badge").dataset.tone = "warn";
    row.querySelector(".qa").append(line);
  }
}

// All drafts of the dataset behind one button in the head, also those of pairs that are not on this page of the list.
function inHead(button) {
  const { unsaved, pair, save, create } = button.dataset;
  const all = findAll(unsaved);
  button.hidden = !all.length;
  button.textContent = `${all.length} not saved`;
  const shown = document.getElementById(button.getAttribute("popovertarget"));
  const list = shown.querySelector("ul") ?? shown.appendChild(document.createElement("ul"));
  const rows = all.map((kept) => {
    const isNew = kept.id.startsWith("new");
    const isBad = kept.id.startsWith("bad");
    const item = document.createElement("li");
    const [, text] = ["question", "raw"].map((wanted) => kept.values.find(([name]) => name === wanted)).find(Boolean) ?? [];
    const link = element("a", "clip grow", text?.trim().split("\n")[0] || "No question yet");
    if (isBad) link.href = kept.page;
    else link.href = isNew ? `${pair.replace(/=0$/, "=new")}#draft=${kept.id}` : pair.replace(/=0$/, `=${kept.id}`);
    link.dir = "auto";
    const address = isNew ? create : save.replace("/pairs/0", `/pairs/${kept.id}`);
    const line = choices("line", "", isBad ? null : () => send(address, kept), () => discardEverywhere(kept.place));
    line.querySelector("span").replaceWith(link);
    const what = isBad ? "Bad row" : isNew ? "New pair" : `Pair ${kept.id}`;
    line.prepend(element("span", "muted sm nowrap", what));
    line.querySelectorAll("button").forEach((one) => one.setAttribute("aria-label", `${one.textContent} ${what.toLowerCase()}`));
    item.append(line);
    return item;
  });
  list.replaceChildren(...rows);
}

function refresh() {
  document.querySelectorAll("[data-drafts]").forEach(inRows);
  document.querySelectorAll("[data-unsaved]").forEach(inHead);
}

// Who took the other text said so by a link, perhaps before its page had its scripts: the address it leads to tells.
function discard() {
  const [, place] = location.hash.match(/^#discard=([0-9]+\/[0-9]+)$/) ?? [];
  if (!place) return;
  forget(place);
  history.replaceState(history.state, "", location.pathname + location.search);
}

// What is typed into a form with data-asks is kept nowhere: leaving its page asks, until it is sent.
export function asking() {
  const ask = (event) => event.preventDefault();
  const start = () => window.addEventListener("beforeunload", ask);
  for (const form of document.querySelectorAll("form[data-asks]")) {
    form.addEventListener("input", start);
    form.addEventListener("submit", () => window.removeEventListener("beforeunload", ask));
  }
}

export function drafts() {
  settle();
  discard();
  const form = document.querySelector("form[data-draft]:not([data-kept])");
  if (form) {
    form.dataset.kept = "";
    inEditor(form);
  }
  refresh();
}

document.addEventListener("ltt-drafts", refresh);
window.addEventListener("storage", (event) => event.key?.startsWith(PREFIX) && refresh());
// A page that comes back from the memory of the browser shows the drafts of now.
window.addEventListener("pageshow", (event) => event.persisted && refresh());
