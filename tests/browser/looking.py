"""What browser tests look at on any page."""

from pathlib import Path

from playwright.sync_api import Page

AXE = (Path(__file__).parent / "vendor" / "axe.min.js").read_text(encoding="utf-8")
_FIND = "(options) => axe.run(options).then((r) => r.violations.map((v) => `${v.id}: ${v.nodes[0].target}`))"


def find_faults(page: Page) -> list[str]:
    """What axe finds on the page, light and dark, as "rule: place". Only colours differ in the dark."""
    page.evaluate(AXE)
    found = []
    for scheme, options in (("light", {}), ("dark", {"runOnly": ["color-contrast"]})):
        page.emulate_media(color_scheme=scheme)
        # Colours on their way from light to dark are neither.
        page.evaluate("document.getAnimations().forEach((one) => one instanceof CSSTransition && one.finish())")
        found += [f"{scheme}: {fault}" for fault in page.evaluate(_FIND, options)]
    return found


def is_busy(page: Page) -> bool:
    """Whether a part of the page is being fetched or put in its place."""
    return bool(page.evaluate("!!document.querySelector('.htmx-request, .htmx-swapping, .htmx-settling, .htmx-added')"))


def overflow(page: Page) -> int:
    """How many pixels the page is wider than the window."""
    return int(page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth"))


# Names of bars with buttons that the toast covers, or that it is not in the window.
_COVERED = """() => {
  const toast = document.querySelector(".toast").getBoundingClientRect();
  const covers = ({ left, right, top, bottom, height }) =>
    height && left < toast.right && toast.left < right && top < toast.bottom && toast.top < bottom;
  const bars = [...document.querySelectorAll(".foot, .bulk, .drawer > footer")];
  const found = bars.filter((bar) => covers(bar.getBoundingClientRect()));
  return [...found.map((bar) => bar.className || "drawer"), ...(toast.top < 0 || toast.bottom > innerHeight ? ["out"] : [])];
}"""


def what_the_toast_covers(page: Page) -> list[str]:
    """Bars with buttons below the toast, once it stands still."""
    found: list[str] = []
    for _ in range(20):
        found = page.evaluate(_COVERED)
        if not found:
            break
        page.wait_for_timeout(100)
    return found
