// A drop area takes files from anywhere on the page; choosing or dropping sends the form at once.
export function drops() {
  const form = document.querySelector("form[data-drop-form]");
  if (!form) return;
  const area = form.querySelector("[data-drop]");
  const input = form.querySelector("input[type=file]");
  input.addEventListener("change", () => input.files.length && form.requestSubmit());
  document.addEventListener("dragover", (event) => {
    event.preventDefault();
    area.setAttribute("data-over", "");
  });
  document.addEventListener("dragleave", (event) => {
    if (!event.relatedTarget) area.removeAttribute("data-over");
  });
  document.addEventListener("drop", (event) => {
    event.preventDefault();
    area.removeAttribute("data-over");
    if (!event.dataTransfer.files.length) return;
    input.files = event.dataTransfer.files;
    form.requestSubmit();
  });
}
