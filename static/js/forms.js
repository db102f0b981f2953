// Forms that answer to a change: filters send themselves, and a button that was pressed is not pressed twice.
// So long a handle that is moved by keys waits for the next one.
const REST = 500;
let moved = 0;

// The two ends of a range are one filter: it is sent when both are left, by Enter, or a moment after a key moved a handle.
function sendRange(range, wait) {
  clearTimeout(moved);
  moved = setTimeout(() => {
    const fields = [...range.querySelectorAll("input[name]")];
    const isChanged = fields.some((one) => one.value !== one.defaultValue);
    if (isChanged && range.isConnected && !fields.includes(document.activeElement)) fields[0].form.requestSubmit();
  }, wait);
}

function change({ target }) {
  const form = target.closest("form[data-submit-on-change]");
  const range = form && target.closest("[data-range]");
  if (!range) form?.requestSubmit();
  else if (target.type === "range") sendRange(range, target.matches(":focus-visible") ? REST : 0);
  else sendRange(range, 0);
}

function leave({ target, relatedTarget }) {
  const range = target.closest?.("form[data-submit-on-change] [data-range]");
  if (range && document.hasFocus() && !range.contains(relatedTarget)) sendRange(range, 0);
}

export function forms() {
  document.addEventListener("change", change);
  document.addEventListener("focusout", leave);
  document.addEventListener("submit", (event) => {
    const form = event.target;
    const method = event.submitter?.getAttribute("formmethod") ?? form.method;
    if (method !== "post" || form.dataset.sent) return form.dataset.sent ? event.preventDefault() : undefined;
    form.dataset.sent = "1";
    setTimeout(() => delete form.dataset.sent, 4000);
  });
  window.addEventListener("pageshow", () => document.querySelectorAll("form[data-sent]").forEach((f) => delete f.dataset.sent));
}
