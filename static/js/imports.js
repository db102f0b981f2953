// Counts the repaired rows on the retry button, and opens it only when there is one.
const form = document.querySelector("form[data-repair]");
const button = form?.querySelector("[data-retry]");
if (button) {
  const show = () => {
    const repaired = [...form.querySelectorAll("textarea")].filter((area) => area.value !== area.defaultValue).length;
    button.textContent = `Retry ${repaired} repaired ${repaired === 1 ? "row" : "rows"}`;
    button.disabled = repaired === 0;
  };
  form.addEventListener("input", show);
  show();
}
