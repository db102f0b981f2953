// Preview of the answer as Markdown: rendered and cleaned by the server, shown in place of the field.
export function markdown() {
  document.querySelectorAll("button[data-markdown]").forEach((button) => {
    const form = button.closest("form");
    const answer = form.querySelector("[name=answer]");
    const view = form.querySelector("#markdown");
    button.addEventListener("click", async () => {
      const showing = button.getAttribute("aria-expanded") === "true";
      if (!showing) {
        const body = new FormData();
        body.set("csrf_token", form.querySelector("[name=csrf_token]").value);
        body.set("answer", answer.value);
        const reply = await fetch(button.dataset.markdown, { method: "POST", body });
        const page = new DOMParser().parseFromString(await reply.text(), "text/html");
        view.replaceChildren(...page.body.childNodes);
      }
      button.setAttribute("aria-expanded", String(!showing));
      button.textContent = showing ? "Preview Markdown" : "Back to writing";
      answer.hidden = !showing;
      view.hidden = showing;
    });
  });
}
