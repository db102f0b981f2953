// Selecting rows: the bar below the list shows while something is ticked, and each verb carries the count.
export function selection() {
  document.querySelectorAll("form[data-select]:not([data-ready])").forEach((form) => {
    form.dataset.ready = "";
    const boxes = [...form.querySelectorAll("tbody input[name=id]")];
    const whole = form.querySelector("[data-select-all]");
    const bar = form.querySelector("[data-bulk]");
    let last = -1;

    function refresh() {
      const ticked = boxes.filter((box) => box.checked).length;
      // The number of all may come later than the list.
      const all = form.querySelector("[data-all]");
      const count = all?.checked ? Number(all.dataset.all) : ticked;
      bar.toggleAttribute("data-open", count > 0);
      whole.checked = ticked === boxes.length;
      whole.indeterminate = ticked > 0 && ticked < boxes.length;
      boxes.forEach((box) => box.closest("tr").setAttribute("aria-selected", String(box.checked)));
      const shown = count.toLocaleString("en");
      bar.querySelector("[data-selected-text]").textContent = `${shown} selected`;
      bar.querySelectorAll("[data-verb]").forEach((button) => {
        button.textContent = `${button.dataset.verb} ${shown}${button.dataset.more ?? ""}`;
      });
    }

    function tick(event) {
      const here = boxes.indexOf(event.target);
      if (event.shiftKey && last >= 0) {
        const [from, to] = [Math.min(last, here), Math.max(last, here)];
        boxes.slice(from, to + 1).forEach((box) => (box.checked = event.target.checked));
      }
      last = here;
      refresh();
    }

    function set(checked) {
      boxes.forEach((box) => (box.checked = checked));
      const all = form.querySelector("[data-all]");
      if (all) all.checked = false;
      refresh();
    }

    function tag(event) {
      if (event.key !== "Enter") return;
      event.preventDefault();
      form.querySelector("[data-tag]").click();
    }

    boxes.forEach((box) => box.addEventListener("click", tick));
    form.querySelector("input[name=tags]")?.addEventListener("keydown", tag);
    bar.addEventListener("change", refresh);
    whole.addEventListener("change", () => set(whole.checked));
    form.querySelector("[data-select-none]").addEventListener("click", () => set(false));
    refresh();
  });
}
