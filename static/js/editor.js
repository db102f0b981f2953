// The focus goes along: from the list into the question of the pair that opens, and from the editor back to its row.
const KEY = "ltt-focus";

function remember(event) {
  const link = event.target.closest?.("[data-open], [data-close]");
  if (!link || event.button || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
  sessionStorage.setItem(KEY, "open" in link.dataset ? "editor" : "row");
}

export function editor() {
  document.addEventListener("click", remember);
  const goal = sessionStorage.getItem(KEY);
  sessionStorage.removeItem(KEY);
  // Who is already somewhere, before the scripts have come, stays there.
  if (document.activeElement !== document.body) return;
  const field = document.querySelector(".drawer [name=question]");
  if (goal === "row" && !field) document.querySelector("tr[aria-current] [data-open]")?.focus({ preventScroll: true });
  // On a screen to touch, a keyboard would cover the pair.
  if (goal !== "editor" || !field || matchMedia("(pointer: coarse)").matches) return;
  field.focus();
  field.setSelectionRange(field.value.length, field.value.length);
}
