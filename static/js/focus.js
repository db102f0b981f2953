// Who acts by the keyboard and gets the same page again goes on where they were: on the control that they used, else in
// the list. Fields of texts are left out, so that the next key is not written into one.
const KEY = "ltt-used";
const TEXT = "textarea, input:not([type=checkbox], [type=radio], [type=range])";
const CONTROLS = "a[href], button, input, select, summary";

const wordsOf = (one) => one.getAttribute("aria-label") ?? one.textContent.trim();
const valueOf = (one) => (one.matches("select") ? "" : `${one.value}/${one.getAttribute("aria-label") ?? ""}`);
const signOf = (one) => [one.tagName, one.name ?? "", one.name ? valueOf(one) : wordsOf(one)].join("/");
const isShown = (one) => !one.disabled && one.checkVisibility({ visibilityProperty: true });

function remember(used) {
  if (!used.matches(":focus-visible") || used.closest(".drawer, [data-review]")) return;
  const isText = used.matches(TEXT);
  if (isText && !used.closest("[data-select]")) return;
  const sign = isText || used.closest(".toast") ? "" : signOf(used);
  sessionStorage.setItem(KEY, JSON.stringify({ path: location.pathname, sign }));
}

function sent(event) {
  if (!event.defaultPrevented) remember(document.activeElement);
}

function followed(event) {
  const link = event.target.closest?.("a[href]");
  const isPlain = !event.defaultPrevented && !event.ctrlKey && !event.metaKey && !event.shiftKey && !event.altKey;
  if (link && isPlain && link.pathname === location.pathname && !link.matches("[data-open], [data-close]")) remember(link);
}

function goOn(sign) {
  const used = sign && [...document.querySelectorAll(CONTROLS)].find((one) => signOf(one) === sign && isShown(one));
  const row = document.querySelector("tr[data-row][aria-current]") ?? document.querySelector("tr[data-row]");
  const goal = used || (row?.querySelector("[data-open]") ?? document.querySelector("main"));
  goal.focus({ preventScroll: goal.matches("main") });
}

export function focus() {
  window.addEventListener("submit", sent);
  window.addEventListener("click", followed);
  const { path, sign } = JSON.parse(sessionStorage.getItem(KEY) ?? "{}");
  sessionStorage.removeItem(KEY);
  const isNew = performance.getEntriesByType("navigation")[0]?.type === "navigate";
  if (!isNew || path !== location.pathname || document.activeElement !== document.body) return;
  // The counts of a large dataset come a moment after its list.
  const waiting = sign && document.querySelector("#facets[aria-busy]");
  if (!waiting) return goOn(sign);
  document.addEventListener("htmx:after:swap", () => document.activeElement === document.body && goOn(sign), { once: true });
}
