// Keys that are pressed before the scripts of a page listen. These take them over, in order.
if (!document.documentElement.classList.contains("js")) {
  window.waitingKeys = [];
  window.keepKey = (event) => window.waitingKeys.push(event);
  document.addEventListener("keydown", window.keepKey);
}
