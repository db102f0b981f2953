// The fields of the editor as pairs of name and value, in the order of the page: what is sent, and what a draft holds.
import { isMessage, pack, sameMessages, showMessages } from "./conversation.js";

const OURS = ["csrf_token", "version", "was", "key", "back", "then", "on", "keep_tags"];
// What is written for another form, such as a note, is no part of the pair.
const fieldsOf = (form) => [...form.elements].filter((field) => field.name && !OURS.includes(field.name) && field.type !== "submit");

function valueOf(field, stored) {
  if (field.type === "checkbox") return (stored ? field.defaultChecked : field.checked) ? field.value : "";
  if (!stored) return field.value;
  if (!field.options) return field.defaultValue;
  return ([...field.options].find((option) => option.defaultSelected) ?? field.options[0]).value;
}

// With stored, what the page came with, whatever was typed since.
export function read(form, { stored = false } = {}) {
  return pack(fieldsOf(form).map((field) => [field.name, valueOf(field, stored)]));
}

export function fill(form, values) {
  if (!same(read(form), values)) showMessages(form, values);
  const given = new Map(values);
  for (const field of fieldsOf(form)) {
    if (!given.has(field.name) || isMessage(field.name)) continue;
    if (field.type === "checkbox") field.checked = given.get(field.name) === field.value;
    else field.value = given.get(field.name);
    field.dispatchEvent(new Event("ltt-filled", { bubbles: true }));
  }
}

// Whether a draft says what the page says. What it knows nothing of, it does not say otherwise.
export function same(stored, values) {
  if (!stored || !values) return false;
  const all = Array.isArray(values) ? values : Object.entries(values);
  const said = new Map(all);
  const plain = stored.filter(([name]) => !isMessage(name));
  return plain.every(([name, value]) => !said.has(name) || said.get(name) === value) && (!said.has("conversation") || sameMessages(stored, all));
}
