// What a page asks for by itself may get no answer, or the page of an error. What stands there stays then, and a line
// says so until the next answer comes.
import { showToast } from "./toasts.js";

const isAsking = (event) => event.target.matches?.("[hx-trigger^=every]");
const said = () => document.querySelector(".toast[data-lost]");

function lose() {
  if (said()) return;
  showToast({ text: "The server gives no answer. What stands here may be old.", stays: true });
  document.querySelector(".toast").dataset.lost = "";
}

export function live() {
  document.addEventListener("htmx:error", (event) => isAsking(event) && lose());
  document.addEventListener("htmx:before:swap", (event) => {
    if (!isAsking(event)) return;
    if (event.detail.ctx.response.status < 400) return said()?.remove();
    event.preventDefault();
    lose();
  });
}
