"""Articles and summaries in a real browser, wide and narrow: nothing overflows, nothing complains."""

import os
from pathlib import Path
from typing import Any

import pytest
from django.urls import reverse
from playwright.sync_api import Page, expect

from accounts.models import User
from jobs.models import Article, Summary
from jobs.pipeline.submitting import submit_article
from jobs.testing import drain_jobs
from tests.browser.test_pictures import shoot
from tests.jobs.pipeline.conftest import DUTIES, HANDBOOK, html

pytestmark = pytest.mark.django_db(transaction=True)

REFUSED = "Debianのパッケージには4711の版がある。"
WHY = [{"code": "numbers", "detail": "Numbers that the source does not contain: 4711."}]


def build(owner: User) -> Article:
    """Make articles in several stages; gives the one that the picture shows."""
    submit_article(owner, html=html(HANDBOOK), preferences={"length": "short"})
    submit_article(owner, html="<html><body><img src=x></body></html>")
    shown = submit_article(owner, html=html(DUTIES), preferences={"language": "ja"})
    drain_jobs()
    Summary.objects.create(article=shown, text=REFUSED, provider="groq", model="m", accepted=False, reasons=WHY)
    submit_article(owner, url="https://example.org/ekiden.html", podcast=True)
    return Article.objects.get(pk=shown.pk)


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (360, "dark")])
def test_articles_fit(console: Page, operator: User, live_server: Any, width: int, scheme: Any) -> None:
    kept = os.environ.get("EKIDEN_PICTURES")
    to = Path(kept) / f"{scheme}-{width}" if kept else None
    shown = build(operator)
    console.emulate_media(color_scheme=scheme)
    console.set_viewport_size({"width": width, "height": 800})
    places = {
        "articles": reverse("admin:jobs_article_changelist"),
        "article": reverse("admin:jobs_article_change", args=[shown.pk]),
        "summaries": reverse("admin:jobs_summary_changelist"),
        "summary": reverse("admin:jobs_summary_change", args=[Summary.objects.get(text=REFUSED).pk]),
    }
    for name, address in places.items():
        console.goto(live_server.url + address)
        shoot(console, name, to)
    console.get_by_role("link", name=str(shown)).click()
    expect(console.get_by_role("heading", level=1)).to_have_text(shown.title)
