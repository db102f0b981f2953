// Menus are popovers of the browser. Those with data-beside open beside their button; the arrow keys walk through all.
const INSIDE = "a[href], button, input:not([type=hidden])";

function place(menu) {
  const button = document.querySelector(`[popovertarget="${menu.id}"]`);
  const { left, right, top, bottom } = button.getBoundingClientRect();
  const { width, height } = menu.getBoundingClientRect();
  menu.style.margin = "0";
  menu.style.inset = "auto";
  menu.style.left = `${Math.max(Math.min(left, innerWidth - width - 8), right - width, 8)}px`;
  menu.style.top = `${bottom + height + 4 < innerHeight ? bottom + 4 : Math.max(top - height - 4, 8)}px`;
}

function walk(event) {
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  const menu = step && event.target.closest("[data-menu]");
  if (!menu) return;
  event.preventDefault();
  const all = [...menu.querySelectorAll(INSIDE)];
  all[(all.indexOf(event.target) + step + all.length) % all.length].focus();
}

// Enter in the field of the switcher goes to the first dataset that was found.
function choose(event) {
  const first = event.target.closest(".switch")?.querySelector("li a");
  if (!first) return;
  event.preventDefault();
  first.click();
}

export function menus() {
  document.addEventListener("toggle", ({ target, newState }) => newState === "open" && target.matches("[data-beside]") && place(target), true);
  document.addEventListener("keydown", walk);
  document.addEventListener("submit", choose);
}
