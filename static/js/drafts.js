// What is typed into a pair is kept in this browser until it is saved. Who opens the pair again sees it, and its row says so.
const PREFIX = "ltt-draft/";

function fields(form) {
  // What is written for another form, such as a note, is no draft of the pair.
  return [...form.querySelectorAll("textarea, input[name=tags], select")].filter((field) => field.form === form);
}

function read(form) {
  return Object.fromEntries(fields(form).map((field) => [field.name, field.value]));
}

// What the page came with, whatever was typed since.
function readStored(form) {
  const chosen = (field) => ([...field.options].find((option) => option.defaultSelected) ?? field.options[0]).value;
  return Object.fromEntries(fields(form).map((field) => [field.name, field.options ? chosen(field) : field.defaultValue]));
}

function fill(form, values) {
  for (const field of fields(form)) if (field.name in values) field.value = values[field.name];
}

const same = (one, other) => Object.keys(one).every((name) => !(name in other) || one[name] === other[name]);

// Which epoch of the workspace the page shows: the end of the token that its forms carry.
const epoch = () => document.querySelector("[name=csrf_token]")?.value.split("@")[1];

// The draft of a pair, whatever version of the pair it began with: { key, version, values, epoch, sent }. What began
// before a restore fits no version now: it is compared with what is stored before it can be saved.
function find(place) {
  const key = Object.keys(localStorage).find((name) => name.startsWith(`${PREFIX}${place}/`));
  if (!key) return undefined;
  const kept = { key, version: key.split("/").at(-1), ...JSON.parse(localStorage.getItem(key)) };
  return kept.version === "0" || kept.epoch === epoch() ? kept : { ...kept, version: "-1" };
}

function markSent({ key, values, epoch }) {
  localStorage.setItem(key, JSON.stringify({ values, epoch, sent: true }));
}

function forget(place) {
  for (const name of Object.keys(localStorage)) if (name.startsWith(`${PREFIX}${place}/`)) localStorage.removeItem(name);
}

function element(tag, className, text) {
  const made = document.createElement(tag);
  made.className = className;
  made.textContent = text;
  return made;
}

// "Not saved", with the two ways out.
function choices(className, text, save, discard) {
  const note = element("div", className, "");
  const buttons = [["Save", save], ["Discard", discard]].map(([label, act]) => {
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
  const place = document.querySelector(".toast[data-saved]")?.dataset.saved;
  if (place && find(place)?.sent) forget(place);
}

function inEditor(form) {
  const [dataset, id] = form.dataset.draft.split("/");
  const place = `${dataset}/${id}`;
  const first = readStored(form);
  const version = form.querySelector("[name=version]");
  const keep = () => {
    const values = read(form);
    forget(place);
    if (!same(first, values)) localStorage.setItem(`${PREFIX}${place}/${version.value}`, JSON.stringify({ values, epoch: epoch() }));
  };
  form.addEventListener("input", keep);
  form.addEventListener("submit", () => {
    const kept = find(place);
    if (kept) markSent(kept);
  });
  const kept = find(place);
  // A form that came back with an error holds what was typed.
  if (form.querySelector("[role=alert]")) return;
  if (!kept && [...form.querySelectorAll("textarea")].some((area) => area.value !== area.defaultValue)) return keep();
  if (!kept || same(first, kept.values)) return forget(place);
  fill(form, kept.values);
  // Saved from the version it began with, so that what somebody else saved meanwhile is not lost.
  if (kept.version !== "0") version.value = kept.version;
  const discard = (note) => {
    forget(place);
    fill(form, first);
    version.value = version.defaultValue;
    note.remove();
  };
  const note = choices("note draft-note", "You see your own text. It was not saved yet.", () => form.requestSubmit(), discard);
  note.dataset.tone = "warn";
  note.setAttribute("role", "status");
  form.prepend(note);
}

function send(address, token, kept) {
  const form = element("form", "", "");
  form.method = "post";
  form.action = address;
  form.hidden = true;
  const values = { ...kept.values, version: kept.version, csrf_token: token, then: "list" };
  for (const [name, value] of Object.entries(values)) {
    const field = element("textarea", "", "");
    field.name = name;
    field.value = value;
    form.append(field);
  }
  document.body.append(form);
  markSent(kept);
  form.requestSubmit();
}

function inRows(list) {
  const token = list.closest("form").querySelector("[name=csrf_token]").value;
  const { drafts, save } = list.dataset;
  for (const row of list.querySelectorAll("tr[data-row]")) {
    const place = `${drafts}/${row.dataset.id}`;
    const kept = find(place);
    if (!kept || row.querySelector(".draft-line")) continue;
    const discard = (note) => {
      forget(place);
      const open = document.querySelector(`form[data-draft^="${place}/"]`);
      if (open) location.reload();
      note.remove();
    };
    const line = choices("draft-line line", "", () => send(save.replace("/pairs/0", `/pairs/${row.dataset.id}`), token, find(place)), discard);
    line.querySelector("span").replaceWith(Object.assign(element("span", "badge", "Not saved"), { title: "Your text is kept in this browser" }));
    line.querySelector(".badge").dataset.tone = "warn";
    row.querySelector(".qa").append(line);
  }
}

// Who took the other text said so by a link, perhaps before its page had its scripts: the address it leads to tells.
function discard() {
  const [, place] = location.hash.match(/^#discard=([0-9]+\/[0-9]+)$/) ?? [];
  if (!place) return;
  forget(place);
  history.replaceState(history.state, "", location.pathname + location.search);
}

export function drafts() {
  settle();
  discard();
  const form = document.querySelector("form[data-draft]:not([data-kept])");
  if (form) {
    form.dataset.kept = "";
    inEditor(form);
  }
  document.querySelectorAll("[data-drafts]").forEach(inRows);
}
