// What is typed into a pair is kept in this browser until it is saved, and offered again after an accident.
const PREFIX = "ltt-draft/";

function fields(form) {
  return [...form.querySelectorAll("textarea, input[name=tags], select")];
}

function read(form) {
  return Object.fromEntries(fields(form).map((field) => [field.name, field.value]));
}

function fill(form, values) {
  for (const field of fields(form)) if (field.name in values) field.value = values[field.name];
}

function offer(form, key, kept) {
  const note = document.createElement("div");
  note.className = "note";
  note.dataset.tone = "info";
  const text = document.createElement("div");
  text.textContent = "There is text here that was not saved.";
  const restore = document.createElement("button");
  restore.type = "button";
  restore.className = "small";
  restore.textContent = "Show it";
  restore.addEventListener("click", () => {
    fill(form, kept);
    note.remove();
  });
  const drop = document.createElement("button");
  drop.type = "button";
  drop.className = "small ghost";
  drop.textContent = "Forget it";
  drop.addEventListener("click", () => {
    localStorage.removeItem(key);
    note.remove();
  });
  note.append(text, restore, drop);
  form.prepend(note);
}

export function drafts() {
  const form = document.querySelector("form[data-draft]");
  if (!form) return;
  const key = PREFIX + form.dataset.draft;
  const first = JSON.stringify(read(form));
  const kept = localStorage.getItem(key);
  if (kept && kept !== first && !form.querySelector("[role=alert]")) offer(form, key, JSON.parse(kept));
  form.addEventListener("input", () => localStorage.setItem(key, JSON.stringify(read(form))));
  form.addEventListener("submit", () => localStorage.removeItem(key));
}
