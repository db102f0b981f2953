import { works } from "./keys.js";

// Of the keys, over a page, only those that do something there.
function leaveOut(dialog) {
  for (const row of dialog.querySelectorAll("[data-does]")) {
    if (works(row.dataset.does)) continue;
    row.nextElementSibling.remove();
    row.remove();
  }
  for (const part of dialog.querySelectorAll("section")) if (!part.querySelector("dt")) part.remove();
}

// A page that is only looked at, such as the keys, opens over the one that the person is on.
async function show(link) {
  const answer = await fetch(link.href).catch(() => null);
  if (!answer?.ok) return location.assign(link.href);
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const dialog = document.createElement("dialog");
  dialog.className = "overlay";
  dialog.setAttribute("aria-label", page.querySelector("h1").textContent);
  const head = document.importNode(page.querySelector("main .head"), true);
  const close = document.createElement("button");
  close.className = "ghost push";
  close.append("Close ", Object.assign(document.createElement("kbd"), { textContent: "Esc" }));
  head.append(close);
  for (const part of page.querySelectorAll("main > :is(.body, .foot)")) dialog.append(document.importNode(part, true));
  dialog.prepend(head);
  if (link.search) leaveOut(dialog);
  close.addEventListener("click", () => dialog.close());
  dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
}

export function overlays() {
  document.querySelectorAll("a[data-overlay]").forEach((link) => {
    link.addEventListener("click", (event) => {
      if (event.ctrlKey || event.metaKey || event.shiftKey || location.pathname === link.pathname) return;
      event.preventDefault();
      if (!document.querySelector("dialog[open]")) show(link);
    });
  });
}
