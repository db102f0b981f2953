// The focus stays where the person put it: from the list into the question of the pair that opens, from the editor back to
// its row, and after saving in the text that was being written. Any further key, such as Esc, calls that off.
import { hadEarlyKeys } from "./keys.js";

const KEY = "ltt-focus";
const TEXT = "textarea, input:not([type=checkbox], [type=radio], [type=hidden])";

function remember(event) {
  const link = event.target.closest?.("[data-open], [data-close]");
  if (!link || event.button || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
  sessionStorage.setItem(KEY, JSON.stringify({ to: "open" in link.dataset ? "editor" : "row" }));
}

function rememberField(event) {
  const field = document.activeElement;
  if (!event.target.matches("form[data-draft]") || event.submitter?.value || !field.form || field.form !== event.target) return;
  const { name, selectionStart, selectionEnd } = field;
  // A message is known by its place: the names of its fields may be others when the page comes back.
  const message = field.closest("[data-message]")?.getAttribute("aria-label");
  const goal = { to: "field", name: message ? name.replace(/^m\d+/, "") : name, message, from: selectionStart, until: selectionEnd };
  sessionStorage.setItem(KEY, JSON.stringify(goal));
}

function findField({ name, message }) {
  if (!message) return document.querySelector(`.drawer [name="${name}"]`);
  return document.querySelector(`.drawer [data-message][aria-label="${message}"]`)?.querySelector(`[name$="${name}"]`);
}

function callOff(event) {
  if (event.key === "Escape" || !event.target.closest?.(TEXT)) sessionStorage.removeItem(KEY);
}

// Who comes back to a page writes only where they go next.
function leaveText() {
  if (document.activeElement.matches(TEXT)) document.activeElement.blur();
}

export function editor() {
  document.addEventListener("click", remember);
  document.addEventListener("submit", rememberField);
  document.addEventListener("keydown", callOff, { capture: true });
  window.addEventListener("pageshow", (event) => event.persisted && leaveText());
  const goal = JSON.parse(sessionStorage.getItem(KEY) ?? "{}");
  sessionStorage.removeItem(KEY);
  if (performance.getEntriesByType("navigation")[0]?.type === "back_forward" && !hadEarlyKeys()) return leaveText();
  // Who is already somewhere, before the scripts have come, stays there; and so does who has pressed another key. Where a
  // page that refused something puts them is nowhere: who wrote goes on writing.
  if (!document.activeElement.matches("body, [data-fault]") || hadEarlyKeys()) return;
  const question = document.querySelector(".drawer [name=question]");
  if (goal.to === "row" && !question) {
    document.querySelector("tr[aria-current] [data-open]")?.focus({ preventScroll: true });
  }
  const field = goal.to === "field" ? findField(goal) : question;
  // On a screen to touch, a keyboard would cover the pair.
  if (!["editor", "field"].includes(goal.to) || !field || matchMedia("(pointer: coarse)").matches) return;
  field.focus();
  if (field.matches("textarea")) field.setSelectionRange(goal.from ?? field.value.length, goal.until ?? field.value.length);
}
