// The messages of a pair: added, moved and removed without a new page. Their order in the form is what is saved.
const FIELD = /^m(\d+)\.(?:c(\d+)\.)?(\w+)$/;
const BODY = "form[data-draft], form[data-merge]";

const parts = (form) => ["[data-turns]", "[data-trace]"].map((place) => form.querySelector(place));

// A copy of a template, with the numbers that its fields are named by.
function make(form, kind, key, call = "") {
  const made = form.querySelector(`[data-${kind}-template]`).content.firstElementChild.cloneNode(true);
  for (const field of made.querySelectorAll("[name]")) field.name = field.name.replace("KEY", key).replace("CALL", call);
  return made;
}

const keyOf = (message) => message.querySelector("[name]").name.match(FIELD)[1];

function freeKey(form) {
  return Math.max(-1, ...[...form.querySelectorAll("[data-message]")].map((one) => Number(keyOf(one)))) + 1;
}

function addCall(form, message, number) {
  const calls = message.querySelector("[data-calls]");
  const used = [...calls.querySelectorAll("[name$='.arguments']")].map((one) => Number(one.name.match(FIELD)[2]));
  const call = make(form, "call", keyOf(message), number ?? Math.max(-1, ...used) + 1);
  calls.append(call);
  return call;
}

// Names for screen readers, and the numbers that are seen, as the order is now. The question counts as well.
function number(form) {
  const [turns, trace] = parts(form);
  const all = [...turns.children, null, ...trace.children];
  all.forEach((message, at) => {
    if (!message) return;
    message.setAttribute("aria-label", `Message ${at + 1}`);
    message.querySelectorAll("[data-number]").forEach((place) => (place.textContent = at + 1));
    for (const one of message.querySelectorAll("[data-label]")) {
      one.setAttribute("aria-label", [one.dataset.label, at + 1, one.dataset.end].filter(Boolean).join(" "));
    }
  });
}

function move(message, up, [turns, trace]) {
  const beside = up ? message.previousElementSibling : message.nextElementSibling;
  if (beside) return up ? beside.before(message) : beside.after(message);
  if (up && trace.contains(message)) turns.append(message);
  else if (!up && turns.contains(message)) trace.prepend(message);
}

function arrange(form, button) {
  const [verb] = button.value.split(":");
  const message = button.closest("[data-message]");
  const [turns, trace] = parts(form);
  let focus = button;
  if (verb === "turn" || verb === "trace") {
    const made = make(form, "message", freeKey(form));
    const last = turns.lastElementChild?.querySelector("select")?.value;
    made.querySelector("select").value = verb === "trace" || last === "user" ? "assistant" : "user";
    (verb === "turn" ? turns : trace).append(made);
    focus = made.querySelector("textarea");
  } else if (verb === "up" || verb === "down") {
    move(message, verb === "up", [turns, trace]);
  } else if (verb === "remove") {
    const near = message.nextElementSibling ?? message.previousElementSibling;
    focus = near?.querySelector("[data-label='Remove message']") ?? form.querySelector("[name=question]");
    message.remove();
  } else if (verb === "call") {
    focus = addCall(form, message).querySelector("input:not([type=hidden])");
  } else {
    focus = message.querySelector("[value^='call:']");
    button.closest("[data-call]").remove();
  }
  number(form);
  focus?.focus();
  form.dispatchEvent(new Event("input", { bubbles: true }));
}

// The fields of messages among others: before or behind the question, without the numbers of their names.
export function signOf(values) {
  const known = new Map();
  let place = "turns";
  const found = [];
  for (const [name, value] of values) {
    if (name === "question") place = "trace";
    const [, key, call, what] = name.match(FIELD) ?? [];
    if (!key) continue;
    if (!known.has(key)) known.set(key, known.size);
    found.push([place, known.get(key), call === undefined ? "" : "call", what, value.replaceAll("\r\n", "\n")]);
  }
  return JSON.stringify(found);
}

export const isMessage = (name) => FIELD.test(name);

// The messages of a draft in place of those that are shown.
export function showMessages(form, values) {
  const [turns, trace] = parts(form);
  if (!turns || !values.some(([name]) => name === "conversation")) return;
  turns.replaceChildren();
  trace.replaceChildren();
  let part = turns;
  const made = new Map();
  const calls = new Set();
  for (const [name, value] of values) {
    if (name === "question") part = trace;
    const [, key, call, what] = name.match(FIELD) ?? [];
    if (!key) continue;
    if (!made.has(key)) made.set(key, part.appendChild(make(form, "message", key)));
    if (call !== undefined && !calls.has(`${key}.${call}`)) {
      calls.add(`${key}.${call}`);
      addCall(form, made.get(key), call);
    }
    const field = made.get(key).querySelector(`[name="${name}"]`);
    if (!field) continue;
    if (field.type === "checkbox") field.checked = value === field.value;
    else field.value = value;
    if (what === "raw" && value) {
      const fields = field.closest("[data-call]");
      fields.querySelector("[data-plain]").hidden = true;
      fields.querySelector("[name$='.arguments']").hidden = true;
      field.hidden = false;
    }
  }
  number(form);
}

// JSON is checked while it is written; the server checks it again when it is saved.
function check(field) {
  const said = field.parentElement.querySelector(":scope > .err");
  let fault = "";
  if (field.value.trim()) {
    try {
      const value = JSON.parse(field.value);
      const isObject = value !== null && typeof value === "object" && !Array.isArray(value);
      if (field.dataset.json === "object" && !isObject) fault = "This must be a JSON object, such as {}.";
      if (field.dataset.json === "list" && !Array.isArray(value)) fault = "This must be a JSON list, such as [].";
    } catch (error) {
      fault = `No JSON yet: ${error.message}.`;
    }
  }
  if (fault) field.setAttribute("aria-invalid", "true");
  else field.removeAttribute("aria-invalid");
  if (!said) return;
  said.textContent = fault;
  said.hidden = !fault;
}

export function conversation() {
  const timers = new WeakMap();
  document.addEventListener("click", (event) => {
    const button = event.target.closest?.("button[name=do]");
    const form = button?.form;
    if (!form?.matches(BODY)) return;
    event.preventDefault();
    arrange(form, button);
  });
  document.addEventListener("input", (event) => {
    const field = event.target;
    if (!field.dataset?.json) return;
    clearTimeout(timers.get(field));
    timers.set(field, setTimeout(() => check(field), 400));
  });
}
