"""Every page of the console, wide and narrow, light and dark: nothing overflows, nothing complains, all can use it.

With EKIDEN_PICTURES set, the pictures are kept in that directory; `make pictures` puts those of the documents in place.
"""

import os
import re
from pathlib import Path

import pytest
from django.urls import reverse
from playwright.sync_api import Page

from accounts.models import User
from tests.browser import flow, scene
from tests.browser.accessible import faults
from tests.browser.places import places

pytestmark = pytest.mark.django_db(transaction=True)


def shoot(page: Page, name: str, to: Path | None) -> None:
    if to is not None:
        page.screenshot(path=to / f"{name}.png", full_page=True)
    assert overflow(page) == [], name


def overflow(page: Page) -> list[str]:
    """Say if the page is wider than its window."""
    page_width, window = page.evaluate("[document.documentElement.scrollWidth, window.innerWidth]")
    return [f"{page_width} wide in a window of {window}"] if page_width > window else []


def look(page: Page, name: str, to: Path | None, *, colours: bool = False, within: str | None = None) -> list[str]:
    """Give what is wrong with a page, all at once; one that was looked at in another theme is asked for its colours."""
    if to is not None:
        page.screenshot(path=to / f"{name}.png", full_page=True)
    return [*overflow(page), *faults(page, colours=colours, within=within)]


#: What is Japanese, and what is the same in all languages: names, figures, codes, units.
_JAPANESE = re.compile(r"[\u3040-\u30ff\u4e00-\u9fff]")
_SAME = re.compile(r"[\W\d_]*|[a-z]+|URL|ID|CSV.*|NDJSON|API|HTTP.*|JSON|p\d\d|Ekiden|English|Webhook|.*[_/@:.{-].*")


def foreign(page: Page, language: str) -> list[str]:
    """Give what speaks English on a page that should speak Japanese: headings, labels, buttons and the rail."""
    if language == "en":
        return []
    words = page.locator(
        "#rail a, #header button, main :is(h1, h2, th[scope=col], dt, label, legend, button, a.act, .tabs a)"
    )
    said = {text.strip() for text in words.all_inner_texts()}
    return [f"not in Japanese: {text!r}" for text in said if not _JAPANESE.search(text) and not _SAME.fullmatch(text)]


@pytest.mark.timeout(300)
@pytest.mark.parametrize(("width", "scheme", "language"), [(1280, "light", "en"), (360, "dark", "ja")])
def test_every_page_fits(console, operator, live_server, width, scheme, language):
    kept = os.environ.get("EKIDEN_PICTURES")
    to = Path(kept) / f"{scheme}-{width}" if kept else None
    if to is not None:
        to.mkdir(parents=True, exist_ok=True)
    letter = scene.build(operator)
    User.objects.filter(pk=operator.pk).update(language=language)
    console.emulate_media(color_scheme=scheme)
    console.set_viewport_size({"width": width, "height": 800})
    wrong = {}
    for name, address in places(letter).items():
        console.goto(live_server.url + address)
        own = None if name == "overview" else "main"
        wrong[name] = [*look(console, name, to, colours=scheme == "dark", within=own), *foreign(console, language)]
    console.goto(live_server.url + places(letter)["dead-letter"])
    editor = console.locator("textarea[name=payload]")
    editor.fill(editor.input_value().replace('"content": ""', '"content": "箱根駅伝の走路が変わる。"'))
    with console.expect_navigation():
        editor.locator("xpath=ancestor::form").locator("button[type=submit]").first.click()
    wrong["redrive"] = look(console, "redrive", to, colours=scheme == "dark")
    # Behind the others: the dead letter in it is not to be in the pictures of the documents.
    batch = reverse("admin:jobs_batch_change", args=[flow.build(operator).pk])
    console.goto(live_server.url + batch)
    wrong["batch"] = look(console, "batch", to, colours=scheme == "dark")
    said = "\n".join(f"{name}: {fault}" for name, found in wrong.items() for fault in found)
    assert not said, said
