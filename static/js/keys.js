// Keys: an element with data-key="n", "g p" or "mod+enter" is clicked (a field is focused) when its key is pressed.
import { label, statusOf } from "./labels.js";

const apple = /Mac|iPhone|iPad/.test(navigator.platform);
const TYPING = "input:not([type=checkbox]):not([type=radio]), textarea, select, [contenteditable]";
const EDITOR = ".drawer > :is(form, footer)";
const LABELS = ["a", "r", "v"];
const IN_ROWS = ["j", "k", "enter", "x", ...LABELS];
// What a pressed key stands for: people may have given actions other keys than the usual ones, which pages are written in.
const meant = JSON.parse(document.body.dataset.keymap ?? "{}");
const NAMES = { mod: "Ctrl", shift: "⇧", enter: "↵", esc: "Esc" };
let pending = "";
let timer = 0;
let early = false;
let opening = 0;

function nameOf(event) {
  const key = event.key === "Escape" ? "esc" : event.key.toLowerCase();
  const mod = apple ? event.metaKey : event.ctrlKey;
  return `${mod ? "mod+" : ""}${event.shiftKey && mod ? "shift+" : ""}${key}`;
}

function findTarget(name) {
  const all = [...document.querySelectorAll(`[data-key="${CSS.escape(name)}"]`)];
  return all.find((one) => !one.disabled && one.offsetParent !== null) ?? all.find((one) => !one.disabled);
}

function press(target) {
  if (target.matches("input, textarea, select")) {
    target.focus();
    // A search is written anew; what is already said in a note or in tags is gone on with.
    if (target.type === "search") target.select();
    else target.setSelectionRange?.(target.value.length, target.value.length);
  } else {
    target.click();
  }
}

function row() {
  return document.querySelector("tr[data-row][aria-current]");
}

// Whether a key, by its usual name, does something on this page.
export function works(name) {
  if (["?", "g", "esc"].includes(name) || document.querySelector(`[data-key="${CSS.escape(name)}"]`)) return true;
  const inRows = isEditing() ? IN_ROWS.slice(2) : IN_ROWS;
  return inRows.includes(name) && document.querySelector("tr[data-row]") !== null;
}

// Whether keys were pressed on this page before its scripts came.
export function hadEarlyKeys() {
  return early;
}

function isEditing() {
  return document.querySelector(".panes[data-drawer=open]") !== null;
}

function move(step) {
  const rows = [...document.querySelectorAll("tr[data-row]")];
  if (!rows.length || isEditing()) return false;
  const here = rows.indexOf(row());
  const next = rows[here < 0 ? 0 : Math.min(Math.max(here + step, 0), rows.length - 1)];
  go(next);
  // Enter presses the link that has the focus: it moves along.
  const link = next.querySelector("[data-open]");
  if (document.activeElement.matches("tr [data-open]")) link.focus({ preventScroll: true });
  return true;
}

function go(next) {
  row()?.removeAttribute("aria-current");
  next.setAttribute("aria-current", "true");
  next.scrollIntoView({ block: "nearest" });
}

// The row gets the label of the key. One that has it already passes it on: A pressed six times approves six pairs.
function labelRow(key) {
  const status = document.querySelector(`form[data-select] button[data-key=${key}]`)?.value;
  const rows = [...document.querySelectorAll("tr[data-row]")];
  if (!status || !rows.length || document.querySelector("tr[data-row] input:checked")) return false;
  const next = rows.slice(Math.max(rows.indexOf(row()), 0)).find((one) => statusOf(one) !== status);
  if (!next) return true;
  const opened = isEditing() && next !== row();
  go(next);
  label(next, status);
  // The editor goes along, once no further key comes.
  clearTimeout(opening);
  if (opened) opening = setTimeout(() => location.assign(next.querySelector("[data-open]").href), 600);
  return true;
}

// In the list: J and K move, Enter opens, X selects, A, R and V label; A, R, V and T act on all that is selected.
function inList(name, repeated) {
  if (name === "j" || name === "k") return move(name === "j" ? 1 : -1);
  if (LABELS.includes(name) && (repeated || labelRow(name))) return true;
  const here = row();
  if (!here || (name === "t" && isEditing())) return false;
  const box = here.querySelector("input[type=checkbox]");
  if (name === "enter") here.querySelector("[data-open]").click();
  else if (name === "x") box.click();
  else if (name === "t" && !document.querySelector("tr[data-row] input:checked")) {
    box.click();
    return false;
  } else return false;
  return true;
}

function handle(event) {
  if (event.defaultPrevented || event.altKey || event.isComposing || document.querySelector("dialog[open]")) return;
  const pressed = nameOf(event);
  const name = meant[pressed] ?? pressed;
  const field = event.target.closest?.(TYPING);
  if (field && name === "esc") return field.blur();
  if (field && (!pressed.startsWith("mod+") || [pressed, name].some((one) => ["mod+z", "mod+shift+z"].includes(one)))) return;
  const single = !pressed.startsWith("mod+") && name !== "esc";
  // On a button of the editor, too, a letter is meant for the text and does nothing else.
  if (single && (document.body.dataset.keys === "off" || event.target.closest?.(EDITOR))) return;
  if (event.target.closest?.("button, a, summary") && (pressed === "enter" || pressed === " ")) return;
  const two = `${pending} ${pressed}`;
  const full = pending && single ? (meant[two] ?? two) : name;
  pending = "";
  clearTimeout(timer);
  if (full === "g") {
    pending = "g";
    timer = setTimeout(() => (pending = ""), 1200);
    return;
  }
  if (!full) return;
  if (inList(full, event.repeat)) return event.preventDefault();
  const target = findTarget(full);
  if (!target) return;
  event.preventDefault();
  press(target);
}

function show(name) {
  const parts = name.length > 1 ? name.split(/\+(?!$)| /) : [name];
  return parts.map((one) => NAMES[one] ?? one.toUpperCase()).join(" ");
}

// Buttons print the keys that they have now.
export function hints() {
  for (const [pressed, usual] of Object.entries(meant)) {
    if (!usual) continue;
    for (const one of document.querySelectorAll(`[data-key="${CSS.escape(usual)}"]`)) {
      const next = one.nextElementSibling;
      const hint = one.querySelector("kbd") ?? (next?.matches("kbd") ? next : null);
      if (hint) hint.textContent = show(pressed);
      if (one.title) one.title = one.title.replace(/\([^()]*\)$/, `(${show(pressed)})`);
    }
  }
}

export function keys() {
  hints();
  const waiting = window.waitingKeys ?? [];
  document.removeEventListener("keydown", window.keepKey);
  document.addEventListener("keydown", handle);
  early = waiting.length > 0;
  waiting.forEach(handle);
}
