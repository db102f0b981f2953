// What was chosen or typed before the scripts were ready counts too: the forms that answer to a change hear of it now.
const ANSWERING = "form[data-submit-on-change], form[data-drop-form], form[hx-trigger]";

function differs(field) {
  if (field.type === "file") return field.files.length > 0;
  if (field.type === "checkbox" || field.type === "radio") return field.checked !== field.defaultChecked;
  if (!field.options) return field.value !== (field.defaultValue ?? field.value);
  const chosen = [...field.options].findIndex((option) => option.defaultSelected);
  return field.selectedIndex !== Math.max(chosen, 0);
}

function tell(form) {
  const field = [...form.elements].find(differs);
  for (const kind of field ? ["input", "change"] : []) field.dispatchEvent(new Event(kind, { bubbles: true }));
}

export function early() {
  // Going back or loading again, the browser itself puts earlier choices into the fields: they are no news.
  if (performance.getEntriesByType("navigation")[0]?.type !== "navigate") return;
  // htmx begins to listen in a timer that was set before this one.
  setTimeout(() => document.querySelectorAll(ANSWERING).forEach(tell));
}
