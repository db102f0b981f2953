// A step of the history: the button carries how many pairs are ticked, and waits until one is.
const form = document.querySelector("form[data-ticks]");
const button = form?.querySelector("[data-undo-ticked]");

function count() {
  const ticked = form.querySelectorAll("input[name=id]:checked").length;
  form.querySelector("[data-ticked]").textContent = ticked ? `${ticked} ticked` : "";
  button.textContent = ticked ? `Undo ${ticked} ${ticked === 1 ? "pair" : "pairs"}` : "Undo the ticked pairs";
  button.disabled = ticked === 0;
}

if (button) {
  form.addEventListener("change", count);
  count();
}
