// Toasts leave by themselves after data-timeout milliseconds; the clock rests while the pointer or the focus is on them.
// They stand above the bars with buttons at the bottom of the page, however high these are.
const BARS = ".foot, .bulk, .drawer > footer";
const GAP = 12;

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

export function toasts() {
  const all = document.querySelectorAll(".toast");
  if (!all.length) return;
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
