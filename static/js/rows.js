// The status in a row opens a small menu; choosing there changes this one pair.
function open(button) {
  const menu = document.getElementById(button.getAttribute("popovertarget"));
  const { left, bottom } = button.getBoundingClientRect();
  menu.querySelector("[name=id]").value = button.dataset.statusOf;
  for (const choice of menu.querySelectorAll("button")) {
    choice.setAttribute("aria-pressed", String(choice.value === button.dataset.now));
  }
  menu.style.left = `${Math.min(left, innerWidth - 176)}px`;
  menu.style.top = `${Math.min(bottom + 4, innerHeight - 152)}px`;
}

export function rows() {
  document.querySelectorAll("[data-status-of]:disabled").forEach((button) => {
    button.disabled = false;
    button.addEventListener("click", () => open(button));
  });
}
