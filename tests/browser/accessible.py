"""What axe-core finds wrong with a page for people who hear it, see it badly, or have no mouse."""

from typing import Any, Final

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

#: The rules of WCAG 2.1, levels A and AA, and those that axe's makers add to them.
_ALL: Final = {
    "runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"],
    "resultTypes": ["violations"],
    # It would fetch style sheets by addresses of its own making.
    "preload": False,
}
#: What differs between two looks of one page.
_COLOURS: Final = {"runOnly": ["color-contrast", "link-in-text-block"], "resultTypes": ["violations"], "preload": False}
_GRAVE: Final = {"serious", "critical"}
_axe: Final = Axe()
#: What the browser complains of between these two is axe's own doing: it tries out styles.
BEGINS, ENDS = "axe begins", "axe ends"


def faults(page: Page, *, colours: bool = False, within: str | None = None) -> list[str]:
    """Give the serious and critical violations of the page as it is now, each with the places where it is.

    A page that was looked at already, in another theme, needs to be asked for its colours only; and what is the same
    on all pages on one of them, the others `within` what is their own.
    """
    page.evaluate("words => console.info(words)", BEGINS)
    found: dict[str, Any] = _axe.run(page, context=within, options=_COLOURS if colours else _ALL).response
    # The browser tells of what it has stopped a little later.
    page.evaluate("words => new Promise(done => setTimeout(() => done(console.info(words)), 50))", ENDS)
    return [
        f"{fault['id']} ({fault['impact']}): {fault['help']}: "
        + "; ".join(f"{node['target'][0]} {node['html'][:120]}" for node in fault["nodes"][:5])
        for fault in found["violations"]
        if fault["impact"] in _GRAVE
    ]
