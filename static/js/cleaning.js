// The preview of cleaning: one box ticks or unticks all pairs of the page; on phones the operations begin folded.
function ticks() {
  const all = document.querySelector("[data-tick-all]");
  if (!all) return;
  const boxes = [...document.querySelectorAll("[data-clean] input[name=take]")];
  const ticked = boxes.filter((box) => box.checked).length;
  all.hidden = boxes.length === 0;
  all.checked = ticked === boxes.length;
  all.indeterminate = ticked > 0 && ticked < boxes.length;
}

// Before the change is announced: the form sends what the boxes say.
document.addEventListener("input", (event) => {
  if (!event.target.matches("[data-tick-all]")) return;
  document.querySelectorAll("[data-clean] input[name=take]").forEach((box) => (box.checked = event.target.checked));
}, true);
document.addEventListener("input", (event) => event.target.matches("input[name=take]") && ticks());
document.addEventListener("htmx:after:swap", ticks);
// What is folded on a phone has nothing to open it by on a wide screen.
const narrow = matchMedia("(max-width: 60rem)");
function fold() {
  const list = document.querySelector(".ops");
  list?.toggleAttribute("open", !narrow.matches);
  // Until now the style showed it folded.
  list?.setAttribute("data-ready", "");
}
narrow.addEventListener("change", fold);
fold();
ticks();
