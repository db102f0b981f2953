// The messages of a pair: added, moved and removed without a new page. Their order in the form is what is saved.
const FIELD = /^m(\d+)\.(?:c(\d+)\.)?(\w+)$/;
const BODY = "form:has([data-turns])";

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
  let at = -1;
  [...turns.children, null, ...trace.children].forEach((message) => {
    at += 1;
    if (!message) return;
    if (isFold(message)) {
      const { length } = foldedIn(message);
      message.querySelector("[data-count]").textContent = length.toLocaleString("en");
      at += length - 1;
      return;
    }
    message.setAttribute("aria-label", `Message ${at + 1}`);
    message.querySelectorAll("[data-number]").forEach((place) => (place.textContent = at + 1));
    for (const one of message.querySelectorAll("[data-label]")) {
      one.setAttribute("aria-label", [one.dataset.label, at + 1, one.dataset.end].filter(Boolean).join(" "));
    }
  });
}

function move(form, message, up, [turns, trace]) {
  const near = () => (up ? message.previousElementSibling : message.nextElementSibling);
  if (isFold(near())) unfold(form, near(), up ? "last" : "first", 1);
  const beside = near();
  if (beside) return up ? beside.before(message) : beside.after(message);
  if (up && trace.contains(message)) turns.append(message);
  else if (!up && turns.contains(message)) trace.prepend(message);
}

// Scrolls until a place is where it was: what was pressed stays under the pointer, so that quick clicks all count.
function scrollBack(place, top) {
  let around = place.parentElement;
  while (around && !/auto|scroll/.test(getComputedStyle(around).overflowY)) around = around.parentElement;
  (around ?? document.scrollingElement).scrollTop += place.getBoundingClientRect().top - top;
  place.scrollIntoView({ block: "nearest" });
}

function arrange(form, button) {
  const [verb] = button.value.split(":");
  const { top } = button.getBoundingClientRect();
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
    move(form, message, verb === "up", [turns, trace]);
  } else if (verb === "remove") {
    const near = message.nextElementSibling ?? message.previousElementSibling;
    focus = near?.querySelector("[data-label='Remove message'], [data-from]") ?? form.querySelector("[name=question]");
    message.remove();
  } else if (button.dataset.from) {
    const [first] = unfold(form, button.closest("[data-folded]"), button.dataset.from);
    if (!button.isConnected) focus = first.querySelector("textarea");
  } else if (verb === "call") {
    focus = addCall(form, message).querySelector("input:not([type=hidden])");
  } else {
    focus = message.querySelector("[value^='call:']");
    button.closest("[data-call]").remove();
  }
  number(form);
  focus?.focus({ preventScroll: focus === button });
  if (focus === button) scrollBack(button, top);
  form.dispatchEvent(new Event("input", { bubbles: true }));
}

const PACKED = /^(folded|messages)\.\d+$/;
// So many are taken out of a fold at once, and no more than this are shown in fields.
const MANY = 30;
const MOST = 150;
const lines = (text) => text.replaceAll("\r\n", "\n");
// Half of a character cannot be sent as JSON: it is replaced as in any other field.
const whole = (text) => text.toWellFormed?.() ?? text;

// Any message with all that its fields hold, as one text: two are the same where it is.
function textOf(one) {
  const calls = (one.calls ?? []).map((call) => [call.name ?? "", lines(call.arguments ?? ""), lines(call.raw ?? ""), call.kept ?? ""]);
  const said = [one.text, one.reasoning].map((text) => lines(text ?? ""));
  return JSON.stringify([one.role, ...said, one.name ?? "", one.tool_call_id ?? "", one.trained !== false, one.at ?? "", one.kept ?? "", calls]);
}

// What is folded seldom changes while one types: it is read once.
const read = new Map();
function unpack(text) {
  if (!read.has(text)) {
    if (read.size > 8) read.clear();
    const messages = JSON.parse(text);
    read.set(text, { messages, said: messages.map(textOf).join("\n") });
  }
  return read.get(text);
}

// The same fields with all those of messages as JSON, so that they are few however long the conversation is.
export function pack(values) {
  const found = [];
  let run = null;
  let known = new Map();
  for (const [name, value] of values) {
    const [, key, call, what] = name.match(FIELD) ?? [];
    if (!key) {
      run = null;
      // No two fields have one name, so that they keep their order.
      found.push([name.replace(PACKED, (all, kind) => `${kind}.${found.length}`), value]);
      continue;
    }
    if (!run) {
      run = [];
      known = new Map();
      found.push([`messages.${found.length}`, run]);
    }
    if (!known.has(key)) {
      const message = { role: "", trained: false, calls: [] };
      known.set(key, { message, calls: new Map() });
      run.push(message);
    }
    const { message, calls } = known.get(key);
    if (call === undefined) message[what] = what === "trained" ? value === "1" : whole(value);
    else {
      if (!calls.has(call)) calls.set(call, message.calls[message.calls.push({}) - 1]);
      calls.get(call)[what] = whole(value);
    }
  }
  return found.map(([name, value]) => [name, Array.isArray(value) ? JSON.stringify(value) : value]);
}

// The messages among other fields, before and behind the question: each stretch of them as one text.
function stretches(values) {
  const said = [[], []];
  let place = 0;
  for (const [name, value] of pack(values)) {
    if (name === "question") place = 1;
    if (PACKED.test(name) && value !== "[]") said[place].push(unpack(value).said);
  }
  return said;
}

// Whether two lists of fields say the same messages, whichever of them are folded.
export function sameMessages(some, others) {
  const [mine, theirs] = [some, others].map(stretches);
  return mine.every((part, place) => {
    const other = theirs[place];
    // The long texts of what is folded are mostly one and the same.
    return (part.length === other.length && part.every((text, at) => text === other[at])) || part.join("\n") === other.join("\n");
  });
}

export const isMessage = (name) => FIELD.test(name) || PACKED.test(name);

// A card with what a message holds.
function card(form, one, key) {
  const made = make(form, "message", key);
  const set = (part, prefix, values) => {
    for (const [name, value] of Object.entries(values)) {
      const field = part.querySelector(`[name="${prefix}.${name}"]`);
      if (!field) continue;
      if (field.type === "checkbox") field.checked = value;
      else {
        if (name === "role" && ![...field.options].some((option) => option.value === value)) field.add(new Option(value));
        field.value = value;
      }
    }
  };
  set(made, `m${key}`, one);
  if (one.name || one.tool_call_id) made.querySelector("details").open = true;
  (one.calls ?? []).forEach((call, number) => {
    const fields = addCall(form, made, number);
    set(fields, `m${key}.c${number}`, call);
    if (!call.raw) return;
    fields.querySelector("[data-plain]").hidden = true;
    fields.querySelector("[name$='.arguments']").hidden = true;
    fields.querySelector("[name$='.raw']").hidden = false;
  });
  return made;
}

// The messages of a draft in place of those that are shown.
export function showMessages(form, values) {
  const [turns, trace] = parts(form);
  if (!turns || !values.some(([name]) => name === "conversation")) return;
  turns.replaceChildren();
  trace.replaceChildren();
  let part = turns;
  let key = 0;
  for (const [name, value] of pack(values)) {
    if (name === "question") part = trace;
    const [, kind] = name.match(PACKED) ?? [];
    if (kind === "messages") part.append(...unpack(value).messages.map((one) => card(form, one, key++)));
    if (kind !== "folded") continue;
    part.append(emptyFold(form));
    part.lastElementChild.querySelector("textarea").value = value;
  }
  number(form);
}

// The messages of one part in place of those that are shown: of many the last.
export function putMessages(form, place, text) {
  const { messages } = unpack(text);
  const shown = messages.length > 2 * MANY ? MANY : messages.length;
  const part = form.querySelector(`[data-${place}]`);
  part.replaceChildren();
  if (shown < messages.length) {
    part.append(emptyFold(form));
    part.lastElementChild.querySelector("textarea").value = JSON.stringify(messages.slice(0, -shown));
  }
  let key = freeKey(form);
  if (shown) part.append(...messages.slice(-shown).map((one) => card(form, one, key++)));
  number(form);
}

const foldedIn = (place) => unpack(place.querySelector("textarea").value).messages;
const isFold = (place) => place?.matches("[data-folded]");
function emptyFold(form) {
  const made = form.querySelector("[data-folded-template]").content.firstElementChild.cloneNode(true);
  made.querySelector("textarea").name = "folded.0";
  return made;
}

// What the fields of a card hold.
function messageOf(made) {
  const fields = [...made.querySelectorAll("[name]:not(button)")];
  const values = fields.map((field) => [field.name, field.type === "checkbox" && !field.checked ? "" : field.value]);
  return JSON.parse(pack(values)[0][1])[0];
}

// Folds the cards that are farthest from those that were just shown, where there are too many. The fold that was pressed stays.
function foldFar(form, cards, pressed) {
  const places = new Map();
  let next = 0;
  for (const one of parts(form).flatMap((part) => [...part.children])) {
    if (!isFold(one)) places.set(one, next);
    next += isFold(one) ? foldedIn(one).length : 1;
  }
  if (places.size <= MOST) return;
  const [first, last] = [places.get(cards[0]), places.get(cards.at(-1))];
  const far = [...places].map(([one, at]) => [Math.max(first - at, at - last), one]).sort(([one], [other]) => other - one);
  const folds = new Map();
  for (const [, made] of far.slice(0, places.size - MOST)) {
    const beside = [made.nextElementSibling, made.previousElementSibling].find(isFold);
    const fold = beside ?? emptyFold(form);
    if (!beside) made.before(fold);
    if (!folds.has(fold)) folds.set(fold, beside ? [...foldedIn(fold)] : []);
    if (made.nextElementSibling === fold) folds.get(fold).unshift(messageOf(made));
    else folds.get(fold).push(messageOf(made));
    made.remove();
  }
  for (const [fold, messages] of folds) fold.querySelector("textarea").value = JSON.stringify(messages);
  for (const fold of form.querySelectorAll("[data-folded] + [data-folded]")) {
    const before = fold.previousElementSibling;
    const [stays, goes] = before === pressed ? [before, fold] : [fold, before];
    stays.querySelector("textarea").value = JSON.stringify([...foldedIn(before), ...foldedIn(fold)]);
    goes.remove();
  }
}

// Takes the first or the last messages out of a fold: the cards that stand in their place.
function unfold(form, fold, from, many = MANY) {
  const left = [...foldedIn(fold)];
  let key = freeKey(form);
  const cards = left.splice(from === "first" ? 0 : Math.max(left.length - many, 0), many).map((one) => card(form, one, key++));
  if (from === "first") fold.before(...cards);
  else fold.after(...cards);
  if (left.length) fold.querySelector("textarea").value = JSON.stringify(left);
  else fold.remove();
  if (many > 1) foldFar(form, cards, fold);
  return cards;
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
  mark(field, said, fault);
}

// A field is told wrong, with the reason that stands beside it, or right.
function mark(field, said, fault) {
  const hints = (field.getAttribute("aria-describedby") ?? "").split(" ").filter((id) => id && id !== said?.id);
  if (said && fault) hints.push((said.id ||= `fault-${++faults}`));
  if (fault) field.setAttribute("aria-invalid", "true");
  else field.removeAttribute("aria-invalid");
  if (hints.length) field.setAttribute("aria-describedby", hints.join(" "));
  else field.removeAttribute("aria-describedby");
  if (!said) return;
  said.textContent = fault;
  said.hidden = !fault;
}
let faults = 0;

export function conversation() {
  const timers = new WeakMap();
  document.addEventListener("click", (event) => {
    const button = event.target.closest?.("button[name=do]");
    const form = button?.form;
    if (!form?.matches(BODY) || !form.querySelector("[data-message-template]")) return;
    event.preventDefault();
    arrange(form, button);
  });
  document.addEventListener("formdata", ({ target, formData }) => {
    if (!target.matches(BODY)) return;
    const values = pack([...formData]);
    for (const name of [...formData.keys()]) formData.delete(name);
    for (const [name, value] of values) formData.append(name, value);
  });
  document.addEventListener("input", (event) => {
    const field = event.target;
    // What was refused is being mended: whether it is right is seen when it is saved.
    if (!field.dataset?.json && field.matches?.("[aria-describedby~='fault-said']")) mark(field, document.getElementById("fault-said"), "");
    if (!field.dataset?.json) return;
    clearTimeout(timers.get(field));
    timers.set(field, setTimeout(() => check(field), 400));
  });
}
