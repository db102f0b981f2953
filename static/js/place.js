// The list stays where it was, on the row it was on, when an action or the editor brings the page again.
const KEY = "ltt-place";
const find = () => document.querySelector("[data-place]");

// The address without the pair that is open and without the page's own order of parts.
function view() {
  const parts = new URLSearchParams(location.search);
  parts.delete("pair");
  return `${location.pathname}?${parts}`;
}

function keep() {
  const list = find();
  if (!list) return;
  const rows = [...list.querySelectorAll("tr[data-row]")];
  const here = rows.findIndex((row) => row.hasAttribute("aria-current"));
  const kept = { view: view(), top: list.scrollTop, here, id: rows[here]?.dataset.id };
  sessionStorage.setItem(KEY, JSON.stringify(kept));
}

// The same row, or where it has left the list, the one that took its place.
function mark(list, kept) {
  const rows = [...list.querySelectorAll("tr[data-row]")];
  if (kept.here < 0 || !rows.length || rows.some((row) => row.hasAttribute("aria-current"))) return;
  const same = rows.find((row) => row.dataset.id === kept.id);
  (same ?? rows[Math.min(kept.here, rows.length - 1)]).setAttribute("aria-current", "true");
}

export function place() {
  window.addEventListener("pagehide", keep);
  const list = find();
  const kept = JSON.parse(sessionStorage.getItem(KEY) ?? "null");
  if (list && kept?.view === view()) {
    list.scrollTop = kept.top;
    mark(list, kept);
  }
  list?.querySelector("tr[aria-current]")?.scrollIntoView({ block: "nearest" });
}
