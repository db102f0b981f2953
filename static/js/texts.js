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

// The server has taken this text. What was typed since stays.
export function dropText(name, text) {
  if (get(PREFIX + name)?.text === text) remove(PREFIX + name);
  for (const field of document.querySelectorAll(`[data-keep="${name}"]`)) if (field.value === text) field.value = "";
}

export function texts() {
  const saved = document.querySelector(".toast[data-saved]")?.dataset.saved;
  if (saved && get(PREFIX + saved)?.sent) remove(PREFIX + saved);
  fillTexts(document);
  document.addEventListener("input", (event) => keep(event.target));
  document.addEventListener("submit", (event) => [...event.target.elements].forEach((field) => keep(field, true)));
}
