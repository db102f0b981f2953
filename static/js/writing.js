import { putMessages } from "./conversation.js";

// What helps while a pair is written: tokens counted as one types, and known tags offered after each comma.
function count(form) {
  const places = [...form.querySelectorAll("[data-tokens]")];
  let timer = 0;
  let asked = 0;
  async function ask() {
    const mine = ++asked;
    const body = new URLSearchParams({ csrf_token: form.querySelector("[name=csrf_token]").value });
    for (const { dataset } of places) body.set(dataset.tokens, textOf(form.querySelector(`[name=${dataset.tokens}]`)));
    const answer = await fetch(form.dataset.count, { method: "POST", body }).catch(() => null);
    if (!answer?.ok || mine !== asked) return;
    const { tokens, exact } = await answer.json();
    for (const place of places) {
      const number = tokens[place.dataset.tokens];
      place.textContent = `${exact ? "" : "about "}${number.toLocaleString("en")} ${number === 1 ? "token" : "tokens"}`;
    }
  }
  const wait = (event) => {
    if (!places.some(({ dataset }) => dataset.tokens === event.target.name)) return;
    clearTimeout(timer);
    timer = setTimeout(ask, 500);
  };
  form.addEventListener("input", wait);
  form.addEventListener("ltt-filled", wait);
}

// A system prompt that is left empty is that of the dataset.
const textOf = (field) => field.value || (field.name === "system" ? field.placeholder : "");

function complete(field) {
  const names = [...field.list.options].map((option) => option.value);
  const offer = () => {
    const before = field.value.includes(",") ? field.value.slice(0, field.value.lastIndexOf(",") + 1) : "";
    const given = before.split(",").map((name) => name.trim());
    const left = names.filter((name) => !given.includes(name));
    field.list.replaceChildren(
      ...left.map((name) => Object.assign(document.createElement("option"), { value: before ? `${before} ${name}` : name })),
    );
  };
  field.addEventListener("input", offer);
  field.addEventListener("focus", offer);
}

// On the page of two versions: theirs in place of what would be saved.
function take(button) {
  const [field, theirs] = [`[name="${button.dataset.take}"]`, `[data-theirs="${button.dataset.take}"]`].map((one) => button.form.querySelector(one));
  button.hidden = false;
  button.addEventListener("click", () => (field ? (field.value = theirs.value) : putMessages(button.form, button.dataset.take, theirs.value)));
}

export function writing() {
  const form = document.querySelector("form[data-count]");
  if (form) count(form);
  document.querySelectorAll("input[data-complete]").forEach(complete);
  document.querySelectorAll("button[data-take]").forEach(take);
}
