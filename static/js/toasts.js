// Toasts leave by themselves after data-timeout milliseconds; the clock rests while the pointer or the focus is on them.
// They stand above the bars with buttons at the bottom of the page, however high these are.
const BARS = ".foot, .bulk, .drawer > footer";
const GAP = 12;

// What is read out by a screen reader: it hears of what changes, and not of what a page came with.
export function tell(text) {
  let place = document.querySelector("[data-told]");
  if (!place) {
    place = Object.assign(document.createElement("p"), { className: "sr" });
    place.setAttribute("role", "status");
    place.dataset.told = "";
    document.body.append(place);
  }
  setTimeout(() => (place.textContent = text), 100);
}

function watch(toast) {
  const wait = Number(toast.dataset.timeout) || 8000;
  let timer = setTimeout(() => toast.remove(), wait);
  const rest = () => clearTimeout(timer);
  const go = () => (timer = setTimeout(() => toast.remove(), wait));
  toast.addEventListener("pointerenter", rest);
  toast.addEventListener("focusin", rest);
  toast.addEventListener("pointerleave", go);
  toast.addEventListener("focusout", go);
  toast.querySelector("[data-dismiss]")?.addEventListener("click", () => toast.remove());
}

function lift(toast) {
  toast.style.insetBlockEnd = "";
  const { left, right, bottom, height } = toast.getBoundingClientRect();
  const bars = [...document.querySelectorAll(BARS)].map((bar) => bar.getBoundingClientRect());
  let edge = bottom;
  for (const bar of bars.filter((one) => one.height).sort((one, other) => other.top - one.top)) {
    const beside = bar.right <= left || right <= bar.left;
    if (!beside && bar.top < edge + GAP && edge - height < bar.bottom + GAP) edge = bar.top - GAP;
  }
  toast.style.insetBlockEnd = `${document.documentElement.clientHeight - edge}px`;
}

// A toast made here: a text, with a way back (undo: an address) or another act.
export function showToast({ text, undo, number, label, act, stays }) {
  document.querySelectorAll(".toast").forEach((one) => one.remove());
  const toast = document.createElement("div");
  toast.className = "toast";
  toast.setAttribute("role", "status");
  const words = document.createElement("span");
  words.textContent = text;
  toast.append(words);
  if (undo || act) {
    const form = document.createElement("form");
    form.method = "post";
    form.action = undo ?? "";
    const values = { csrf_token: document.querySelector("[name=csrf_token]").value, number, back: location.pathname + location.search };
    for (const [name, value] of Object.entries(values)) {
      const field = document.createElement("input");
      Object.assign(field, { type: "hidden", name, value: value ?? "" });
      form.append(field);
    }
    const button = document.createElement("button");
    button.textContent = label ?? "Undo";
    if (act) Object.assign(button, { type: "button", onclick: () => (toast.remove(), act()) });
    form.append(button);
    toast.append(form);
  }
  document.body.append(toast);
  tell(text);
  if (!stays) watch(toast);
  lift(toast);
  return toast;
}

export function toasts() {
  const all = document.querySelectorAll(".toast");
  if (!all.length) return;
  tell(all[0].querySelector("span").textContent);
  const place = () => document.querySelectorAll(".toast").forEach(lift);
  const sizes = new ResizeObserver(place);
  const start = () => {
    sizes.disconnect();
    document.querySelectorAll(BARS).forEach((bar) => sizes.observe(bar));
    place();
  };
  all.forEach(watch);
  start();
  window.addEventListener("resize", place);
  document.addEventListener("scroll", place, { capture: true, passive: true });
  document.addEventListener("htmx:after:swap", start);
}
