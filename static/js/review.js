// The review queue: a decision shows the next pair at once, which stood ready; what was decided is sent in order. As cards
// a dozen stand side by side, and one of them is the one that keys are for.
import { hints } from "./keys.js";
import { followInEditor } from "./labels.js";
import { isHolding, late, makeKey, Outbox, pause, waiting } from "./outbox.js";
import { fillTexts, giveBack, takeText } from "./texts.js";
import { showToast, tell } from "./toasts.js";
import { renewUndo } from "./undoing.js";

const SAID = { approved: "Approved", rejected: "Rejected", skipped: "Skipped" };
// So many pairs that were decided on are kept, to come back to.
const KEPT = 40;
// So much of a question is read out.
const MOST_SAID = 300;
// What was refused is still to be read when the next dozen comes.
const UNREAD = "ltt-refused";

let queue = null;
let shownAt = 0;
let decided = [];
let filling = null;
let over = false;
let unread = {};

const isGrid = () => "grid" in queue.dataset;
const cards = () => [...queue.querySelectorAll("[data-card]")];
const cardOf = (id) => queue?.querySelector(`[data-card="${id}"]`);
const current = () => cards().find((one) => (isGrid() ? one.ariaCurrent : !one.hidden));
const noteOf = (card) => card.querySelector("[name=comment]");
const isOpen = (card) => !card.dataset.verdict;
const csrf = () => queue.dataset.token;

const outbox = new Outbox("ltt-review", {
  what: (count) => (count === 1 ? "1 decision is" : `${count} decisions are`),
  answered,
  refused,
  emptied: goOn,
});

// What is still to be sent of decisions, here and by labels of the list.
const beingDecided = () =>
  [outbox.key, "ltt-labels"].flatMap(waiting).filter(({ fields }) => (fields.act ?? fields.action) in SAID);

const parse = (page) => new DOMParser().parseFromString(page, "text/html").body;

// A piece of a page that the server made, in place of what is there.
function put(place, piece) {
  place?.replaceChildren(...[...parse(piece).childNodes].map((node) => document.importNode(node, true)));
}

function setVersion(id, version) {
  if (!version) return;
  // What was pressed since goes on from the version that this made.
  outbox.items = outbox.items.map((item) => (item.id === id ? { ...item, fields: { ...item.fields, version } } : item));
  const card = cardOf(id);
  if (!card) return;
  card.dataset.version = version;
  for (const field of card.querySelectorAll("[name=version]")) field.value = version;
  if (isGrid()) recount();
}

function answered({ id, fields }, told) {
  setVersion(id, told.version);
  followInEditor(id, told.version, fields.act);
  renewUndo(told.history);
  if (!queue) return;
  if ("left" in told) {
    for (const place of queue.closest("main").querySelectorAll("[data-left]")) place.textContent = told.left.toLocaleString("en");
    const count = document.querySelector('.nav [data-key="g r"] .n');
    if (count) count.textContent = told.waiting;
    queue.querySelectorAll("[data-today]").forEach((place) => put(place, told.today));
    put(cardOf(id)?.querySelector("[data-comments]"), told.comments);
  }
}

// A decision that was not taken brings its pair back, as it is now, behind the one that is being looked at.
async function refused({ id, fields, note }, reason) {
  if (fields.comment) giveBack(note, fields.comment);
  decided = decided.filter((one) => one.id !== id);
  unread[id] = reason;
  // The form that waits leads to another page.
  if (isHolding()) keepUnread();
  tellRefusal(id, reason);
  if (!queue || fields.action || fields.act === "comment") return;
  if (isGrid()) return reopen(id, reason);
  const fresh = (await claim({ named: id }))?.[0];
  if (!fresh) return;
  const old = cardOf(id);
  explain(fresh, reason);
  const shown = current();
  if (old && old === shown) {
    old.before(fresh);
    show(fresh);
    old.remove();
  } else {
    old?.remove();
    if (shown) shown.after(fresh);
    else {
      queue.prepend(fresh);
      show(fresh);
    }
  }
  globalThis.htmx?.process(fresh);
}

function tellRefusal(id, reason) {
  showToast({ text: `Pair ${id}: ${reason}`, stays: true });
}

function keepUnread() {
  sessionStorage.setItem(UNREAD, JSON.stringify(unread));
}

function readUnread() {
  const left = JSON.parse(sessionStorage.getItem(UNREAD) ?? "{}");
  sessionStorage.removeItem(UNREAD);
  for (const [id, reason] of Object.entries(left)) {
    if (cardOf(id)) explain(cardOf(id), reason);
    else tellRefusal(id, reason);
  }
}

function explain(card, reason) {
  card.querySelector(".refused")?.remove();
  const line = document.createElement("p");
  line.className = "note refused";
  line.dataset.tone = "error";
  line.textContent = reason;
  card.querySelector("article, .in").prepend(line);
}

async function askFor(fields) {
  const body = new URLSearchParams({ ...fields, csrf_token: csrf() });
  const answer = await fetch(queue.dataset.claim, { method: "POST", body }).catch(() => null);
  return answer?.ok ? answer : null;
}

async function claim(fields) {
  const answer = await askFor(fields);
  if (!answer) return null;
  const fresh = [...parse(await answer.text()).querySelectorAll("[data-card]")].map((one) => document.importNode(one, true));
  for (const card of fresh) {
    card.hidden = true;
    enable(card);
  }
  return fresh;
}

// Has the next pairs stand ready, and tells the server which are being looked at here.
function fill() {
  filling ??= load().finally(() => (filling = null));
  return filling;
}

async function load() {
  const open = cards().filter(isOpen);
  if ((over && open.length) || open.length > Number(queue.dataset.ahead) / 2) return;
  const sent = beingDecided().map((item) => item.id);
  const having = [...new Set([...cards().map((one) => one.dataset.card), ...decided.map((one) => one.id), ...sent])];
  const given = await claim({ having: having.join(",") });
  if (!given) {
    // The server does not answer, and nothing is left to look at: it is asked again.
    if (!current()) pause(1000).then(fill);
    return;
  }
  const fresh = given.filter((one) => !cardOf(one.dataset.card));
  over = fresh.length === 0;
  const end = queue.querySelector("[data-done]");
  for (const card of fresh) {
    end.before(card);
    globalThis.htmx?.process(card);
  }
  if (!current()) show(fresh[0] ?? null);
}

function enable(card) {
  showButtons(card);
  fillTexts(card);
  const today = queue.querySelector("[data-today]");
  const place = card.querySelector("[data-today]");
  if (place && !place.children.length && today) place.replaceChildren(...[...today.childNodes].map((node) => node.cloneNode(true)));
}

function showButtons(place) {
  for (const button of place.querySelectorAll("[data-step], [data-take-back]")) button.hidden = false;
}

function show(card, said = "") {
  const end = queue.querySelector("[data-done]");
  const used = document.activeElement.closest("[data-card]") && document.activeElement;
  if (card) card.hidden = false;
  // While the next ones are fetched it is not said that nothing is left.
  end.hidden = Boolean(card) || !over;
  if (used && !card?.contains(used)) passOn(used, card ?? end);
  for (const one of cards()) one.hidden = one !== card;
  shownAt = performance.now();
  card?.querySelector(".scroll").scrollTo(0, 0);
  const what = card ? `Pair ${card.dataset.card}: ${card.querySelector("h2").textContent.trim().slice(0, MOST_SAID)}` : (over && end.querySelector("h3")?.textContent) || "";
  if (said) tell(`${said} ${what}`.trim());
}

// The focus goes on to the same button of the pair that is shown now, and never into a text.
function passOn(used, place) {
  const { key } = used.dataset;
  const same = key && !used.matches("input, textarea") && place.querySelector(`[data-key="${key}"]`);
  (same || place.querySelector(".scroll[tabindex], a[href]"))?.focus({ preventScroll: true });
}

function say(card, verdict) {
  if (verdict) card.dataset.verdict = verdict;
  else delete card.dataset.verdict;
  const badge = card.querySelector("[data-said]");
  badge.hidden = !verdict;
  badge.textContent = SAID[verdict] ?? "";
}

function send(card, act, fields = {}) {
  const id = card.dataset.card;
  const address = card.querySelector("[data-decide]").getAttribute("action");
  const note = noteOf(card)?.dataset.keep;
  outbox.add({ id, address, note, fields: { act, version: card.dataset.version, csrf_token: csrf(), ...fields } });
}

function decide(card, verdict) {
  // Pressed once more on a card that has it, nothing is said anew.
  if (isGrid() && card.dataset.verdict === verdict) return choose(following(card), `${SAID[verdict]}.`);
  const next = following(card);
  const key = makeKey();
  delete unread[card.dataset.card];
  decided = [...decided, { id: card.dataset.card, before: card.dataset.verdict ?? "", key }].slice(-KEPT);
  say(card, verdict);
  if (isGrid()) {
    send(card, verdict, { key });
    recount();
    choose(next, `${SAID[verdict]}.`);
    return;
  }
  const seconds = Math.min(Math.round((performance.now() - shownAt) / 1000), 600);
  send(card, verdict, { seconds, comment: takeText(noteOf(card)), key });
  show(next, `${SAID[verdict]}.`);
  fill();
  const past = cards().filter((one) => one.dataset.verdict && one.hidden);
  for (const one of past.slice(0, -KEPT)) one.remove();
}

function following(card) {
  const all = cards();
  const here = all.indexOf(card);
  return all.slice(here + 1).find(isOpen) ?? all.find((one) => one !== card && isOpen(one)) ?? null;
}

function step(card, by) {
  const all = cards();
  const here = card ? all.indexOf(card) : by < 0 ? all.length : -1;
  const other = all[here + by];
  if (isGrid()) return other && choose(other, " ");
  if (other) show(other, " ");
  if (by > 0) fill();
}

function takeBack() {
  const { id, before, key } = decided.pop() ?? {};
  const card = cardOf(id);
  if (!card) return showToast({ text: "There is no decision of this page to undo. Undo at the top takes back steps." });
  say(card, before);
  send(card, "undo", { key });
  if (!isGrid()) return show(card, "Taken back.");
  recount();
  choose(card, "Taken back.");
}

// Of cards side by side one is what keys are for: its buttons print them. Once all are decided it is none.
function choose(card, said = "") {
  const used = document.activeElement.closest("[data-card]") && document.activeElement.dataset.forKey;
  for (const one of cards()) {
    one.ariaCurrent = one === card ? "true" : null;
    for (const button of one.querySelectorAll("[data-for-key]")) {
      if (one === card) button.dataset.key = button.dataset.forKey;
      else delete button.dataset.key;
      for (const key of button.querySelectorAll("kbd")) key.hidden = one !== card;
    }
  }
  hints();
  if (!card) return said && tell(said);
  card.scrollIntoView({ block: "nearest" });
  if (used) card.querySelector(`[data-for-key="${used}"]`).focus({ preventScroll: true });
  if (said) tell(`${said} Pair ${card.dataset.card}: ${card.querySelector("b").textContent.trim().slice(0, MOST_SAID)}`.trim());
}

// Who goes through the buttons by the keyboard presses keys for the card that has the focus.
function follow({ target }) {
  const card = target.closest("[data-card]");
  if (card && card !== current() && target.matches(":focus-visible")) choose(card);
}

// What is decided together is what is still open. Once that was pressed and waits to be sent, nothing is added to it.
function recount() {
  const open = cards().filter(isOpen);
  const count = open.length.toLocaleString("en");
  for (const field of queue.querySelectorAll("[name=shown]")) {
    const card = cardOf(field.dataset.of);
    field.disabled = !card || !isOpen(card) || (isHolding() && field.disabled);
    if (card) field.value = `${field.dataset.of}:${card.dataset.version}`;
  }
  queue.querySelector("[data-shown]").textContent = count;
  for (const place of queue.querySelectorAll("[data-pairs]")) {
    place.textContent = `${count} ${open.length === 1 ? "pair" : "pairs"}`;
    place.closest("button").disabled = open.length === 0;
  }
}

// A card whose decision was not taken is open again as it is now, and the one that keys are for stays. One that this
// reviewer has no more to decide on goes.
async function reopen(id, reason) {
  const old = cardOf(id);
  if (!old) return;
  say(old, "");
  explain(old, reason);
  recount();
  const page = await fetchPage();
  const [now, found] = [cardOf(id), page?.querySelector(`[data-card="${id}"]`)];
  if (now && page && !found) dropCard(now);
  else if (now && found) {
    const [fresh, isCurrent] = [document.importNode(found, true), now === current()];
    explain(fresh, reason);
    now.replaceWith(fresh);
    recount();
    if (isCurrent) choose(fresh);
  }
  if (!current()) choose(cards().find(isOpen) ?? null);
  goOn();
}

function dropCard(card) {
  const next = current() === card && following(card);
  card.remove();
  recount();
  if (next !== false) choose(next);
}

async function fetchPage() {
  const answer = await fetch(location.href, { headers: { Accept: "text/html" } }).catch(() => null);
  return answer?.ok ? parse(await answer.text()) : null;
}

// When all cards are decided and stored, also by other tabs, the next dozen comes. A form that waits leads there too.
function goOn() {
  if (!queue || !isGrid() || isHolding() || cards().some(isOpen) || outbox.items.length || beingDecided().length) return;
  keepUnread();
  location.reload();
}

function act(event) {
  const form = event.target.closest("form");
  const card = form.closest("[data-card]");
  if (!card) return;
  // While the next pair is fetched, a key finds a button of one that is not to be seen.
  if (card.hidden) return event.preventDefault();
  if (form.matches("[data-tag]")) {
    event.preventDefault();
    const field = form.querySelector("[name=tags]");
    const { value } = field;
    if (!value.trim()) return;
    const made = Object.assign(document.createElement("span"), { className: "tag", textContent: value.trim() });
    card.querySelector(".eyebrow [data-said]").before(made);
    const fields = Object.fromEntries(new FormData(form));
    outbox.add({ id: card.dataset.card, address: form.getAttribute("action"), fields });
    field.value = "";
    // The next key decides: it is not written into the field.
    card.querySelector(".scroll").focus({ preventScroll: true });
    tell(`Tagged ${value.trim()}.`);
    return;
  }
  if (!form.matches("[data-decide]")) return;
  event.preventDefault();
  const { value } = event.submitter ?? {};
  if (value in SAID) return decide(card, value);
  if (value === "comment") {
    return send(card, value, { comment: takeText(noteOf(card)), key: makeKey() });
  }
  for (const button of card.querySelectorAll("[data-rating] button")) {
    button.setAttribute("aria-pressed", String(button.value === value));
  }
  send(card, value);
}

function press(event) {
  const button = event.target.closest("[data-step], [data-take-back]");
  if (!button) return;
  if ("takeBack" in button.dataset) takeBack();
  else step(button.closest("[data-card]") ?? current(), Number(button.dataset.step));
}

export function review() {
  queue = document.querySelector("[data-review]");
  if (queue) {
    // Through the last page a pair was decided on that this one came with again.
    for (const { id } of beingDecided()) cardOf(id)?.remove();
    for (const { id, act, version } of late) {
      const card = cardOf(id);
      if (Number(card?.dataset.version) !== version - 1) continue;
      if (act in SAID) card.remove();
      else setVersion(id, version);
    }
    queue.addEventListener("submit", act);
    queue.addEventListener("click", press);
    if (isGrid()) startGrid();
    else {
      cards().forEach(enable);
      show(current() ?? cards()[0] ?? null);
    }
    readUnread();
    take();
  }
  outbox.takeOver();
}

function startGrid() {
  showButtons(queue);
  recount();
  choose(cards()[0] ?? null);
  queue.addEventListener("focusin", follow);
  window.addEventListener("storage", goOn);
  // All that was shown may be decided by now.
  goOn();
}

// The pairs that the page came with are this reviewer's, but for those that somebody else looks at.
async function take() {
  const came = cards().map((one) => one.dataset.card);
  const mine = came.length && (await askFor({ named: came.join(","), only: "ids" }));
  if (mine) {
    const { ids } = await mine.json();
    for (const id of came.filter((one) => !ids.includes(Number(one)))) giveUp(cardOf(id));
  }
  if (!isGrid()) fill();
  else goOn();
}

function giveUp(card) {
  if (!card || !isOpen(card) || "named" in queue.dataset) return;
  if (isGrid()) return dropCard(card);
  const [next, shown] = [following(card), card === current()];
  if (shown) show(next);
  card.remove();
}
