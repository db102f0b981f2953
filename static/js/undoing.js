// Undo and Redo in the head name a step: what was done since the page came gives them another one.
export function renewUndo(piece) {
  const old = document.querySelector(".undo-redo");
  const fresh = piece && new DOMParser().parseFromString(piece, "text/html").querySelector(".undo-redo");
  const addressOf = (part) => part?.querySelector("form").getAttribute("action");
  // What was done in another dataset is not for this page.
  if (!old || !fresh || addressOf(old) !== addressOf(fresh)) return;
  for (const field of fresh.querySelectorAll("[name=back]")) field.value = location.pathname + location.search;
  const used = old.contains(document.activeElement) && document.activeElement.dataset.key;
  old.replaceChildren(...[...fresh.childNodes].map((node) => document.importNode(node, true)));
  if (used) old.querySelector(`[data-key="${used}"]`)?.focus({ preventScroll: true });
}
