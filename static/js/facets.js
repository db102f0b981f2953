// Filters: what is wanted is not left out as well, what is empty stays out of the address, and ranges can be drawn.
function thumbs(range) {
  const box = range.querySelector("[data-thumbs]");
  if (!box) return;
  const step = Number(box.dataset.step);
  const parts = Number(box.dataset.parts);
  const bars = [...range.querySelectorAll(".bar")];
  const ends = ["from", "to"].map((end) => ({
    thumb: box.querySelector(`[data-end=${end}]`),
    field: range.querySelector(`[name$=_${end}]`),
    free: end === "from" ? 0 : parts,
  }));

  function place() {
    for (const { thumb, field, free } of ends) {
      const value = field.value === "" ? free : Math.round(Number(field.value) / step);
      thumb.defaultValue = thumb.value = Math.min(Math.max(value, 0), parts);
    }
  }

  function draw(end) {
    const [low, high] = ends.map(({ thumb }) => Number(thumb.value));
    if (low > high) end.thumb.value = end === ends[0] ? high : low;
    const at = Number(end.thumb.value);
    end.field.value = at === end.free ? "" : at * step;
    end.thumb.setAttribute("aria-valuetext", end.field.value || "no limit");
    const [from, to] = ends.map(({ thumb }) => Number(thumb.value));
    bars.forEach((bar, place) => bar.classList.toggle("soft", place < from || place >= to));
  }

  box.hidden = false;
  place();
  for (const end of ends) {
    end.thumb.addEventListener("input", () => draw(end));
    // A drag ends with a change, which sends the form; the thumb itself has no name.
    end.field.addEventListener("input", place);
  }
}

export function facets() {
  document.querySelectorAll("form[data-facets]:not([data-ready])").forEach((form) => {
    form.dataset.ready = "";
    form.querySelectorAll("[data-range]").forEach(thumbs);
    form.addEventListener("formdata", ({ formData }) => {
      const empty = [...formData].filter(([, value]) => value === "").map(([name]) => name);
      empty.forEach((name) => formData.delete(name));
    });
    form.addEventListener("change", ({ target }) => {
      if (target.type !== "checkbox" || !target.checked) return;
      const other = target.name.startsWith("not_") ? target.name.slice(4) : `not_${target.name}`;
      for (const box of form.querySelectorAll("input[type=checkbox]")) {
        const both = box.name === other && box.value === target.value;
        if (both || ("oneOf" in target.dataset && box.name === target.name && box !== target)) box.checked = false;
      }
    });
  });
}
