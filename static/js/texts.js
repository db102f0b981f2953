// What is typed into a field with data-keep="NAME" stays in this browser until the server has taken it.
import { get, remove, set } from "./store.js";

const PREFIX = "ltt-text/";

function keep({ dataset, value }, sent = false) {
  if (!dataset.keep) return;
  if (value) set(PREFIX + dataset.keep, { text: value, sent });
  else remove(PREFIX + dataset.keep);
}

// What was typed earlier stands in its field again.
export function fillTexts(part) {
  for (const field of part.querySelectorAll("[data-keep]")) field.value ||= get(PREFIX + field.dataset.keep)?.text ?? "";
}

// Goes on with the text, which is no longer in its field: it waits to be sent.
export function takeText(field) {
  const text = field.value;
  field.value = "";
  keep(field);
  return text;
}

// What was not taken stands in its field again, before what was typed since.
export function giveBack(name, text) {
  const [field] = document.querySelectorAll(`[data-keep="${name}"]`);
  const typed = field?.value ?? get(PREFIX + name)?.text;
  const all = [text, typed].filter(Boolean).join("\n");
  set(PREFIX + name, { text: all });
  if (field) field.value = all;
}

export function texts() {
  const saved = document.querySelector(".toast[data-saved]")?.dataset.saved;
  if (saved && get(PREFIX + saved)?.sent) remove(PREFIX + saved);
  fillTexts(document);
  document.addEventListener("input", (event) => keep(event.target));
  document.addEventListener("submit", (event) => [...event.target.elements].forEach((field) => keep(field, true)));
}
