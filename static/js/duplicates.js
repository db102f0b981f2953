// Duplicates: the slider tells how many groups there are before it is let go; a picked text goes into its field.
function tell(slider) {
  const form = slider.closest("[data-stops]");
  const stops = JSON.parse(form.dataset.stops);
  const level = Number(slider.value);
  const name = { 101: "Same but for case", 102: "Identical" }[level] ?? `${level}%`;
  const count = stops[level] ?? 0;
  const groups = `${count.toLocaleString("en")} ${count === 1 ? "group" : "groups"}`;
  const [strong, rest] = form.querySelector("output").children;
  strong.textContent = name;
  rest.textContent = groups;
  slider.setAttribute("aria-valuetext", `${name}, ${groups}`);
}

document.addEventListener("input", (event) => {
  if (event.target.matches("[data-stops] [type=range]")) tell(event.target);
  if (event.target.matches("[data-fills]")) {
    const field = document.getElementById(event.target.dataset.fills);
    const pick = event.target.closest(".pick").querySelector("[data-text]");
    field.value = "empty" in pick.dataset ? "" : pick.textContent;
  }
});

// What is folded on a phone has nothing to open it by on a wide screen.
const narrow = matchMedia("(max-width: 60rem)");
function fold() {
  const list = document.querySelector(".grouplist");
  list?.toggleAttribute("open", !narrow.matches);
  // Until now the style showed it folded.
  list?.setAttribute("data-ready", "");
}
narrow.addEventListener("change", fold);

function settle() {
  fold();
  document.querySelector(".groups [aria-current=true]")?.scrollIntoView({ block: "nearest" });
}

document.addEventListener("htmx:after:swap", (event) => event.target.id === "panes" && settle());
settle();
