// Toasts leave by themselves after data-timeout milliseconds; the clock rests while the pointer or the focus is on them.
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

export function toasts() {
  document.querySelectorAll(".toast").forEach(watch);
}
