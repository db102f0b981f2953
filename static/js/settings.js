// In the field of a key one presses the key instead of writing its name. Backspace gives the usual one back, which is what an
// empty field means; Tab and Esc leave the field as ever.
const LEAVING = ["Tab", "Escape"];
const HELD = ["Shift", "Control", "Alt", "Meta", "AltGraph", "CapsLock", "Dead"];
const NAMES = { Enter: "↵" };

function take(event) {
  const field = event.target.closest?.("[data-takes-key]");
  if (!field || LEAVING.includes(event.key) || event.isComposing) return;
  event.preventDefault();
  event.stopPropagation();
  if (HELD.includes(event.key)) return;
  if (["Backspace", "Delete"].includes(event.key)) return void (field.value = "");
  const last = NAMES[event.key] ?? event.key.toUpperCase();
  const mod = event.ctrlKey || event.metaKey;
  field.value = [mod && "Ctrl", mod && event.shiftKey && "⇧", last].filter(Boolean).join(" ");
}

document.addEventListener("keydown", take, true);
