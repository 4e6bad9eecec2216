"""The page of the system's health shows what the doctor found, when, and the figures beside it."""

import pytest
from django.core.cache import cache
from django.test import Client

from jobs import sampling
from jobs.doctor import looking
from jobs.doctor.findings import critical, ok
from jobs.doctor.tables import tables
from jobs.models import Chore, Worker
from jobs.models.columns import ClockTimestamp

PAGE, LOOK, TEXT = "/admin/health/", "/admin/health/look/", "/admin/health/diagnostics.txt"

# The doctor's transactions are its own and can only read.
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _nobody_has_looked():
    cache.clear()


def test_the_page_sends_for_the_doctor_and_then_shows_what_was_found(viewer):
    heard = ClockTimestamp()
    Worker.objects.create(
        id="w",
        hostname="relay-1",
        pid=1,
        concurrency=8,
        release="4f2a",
        clock_offset=0.2,
        heartbeat_at=heard,
    )
    Chore.objects.create(name=sampling.CHORE, error_message="ValueError: it broke", started_at=ClockTimestamp())
    before = viewer.get(PAGE).content.decode()
    assert "Nobody has looked yet" in before and 'hx-trigger="load, submit"' in before
    answer = viewer.post(LOOK)
    assert (answer.status_code, answer["Location"]) == (302, PAGE)
    page = viewer.get(PAGE).content.decode()
    for words in ("relay-1", "4f2a", "it broke", "job_queue", "request_logs", "manage.py doctor"):
        assert words in page, words
    for table in tables.values():
        assert str(table.title) in page
    assert 'hx-trigger="load' not in page, "a fresh look is not taken anew"
    assert "could not be read" not in page


def test_the_worst_comes_first_with_what_helps(viewer, monkeypatch):
    found = [ok("The one is well."), critical("The other is not.", "manage.py mend <it>")]
    monkeypatch.setattr(looking, "examine", lambda: iter(found))
    viewer.post(LOOK)
    page = viewer.get(PAGE).content.decode()
    assert page.index("The other is not.") < page.index("The one is well.")
    assert "manage.py mend &lt;it&gt;" in page and "Something is badly wrong" in page
    home = viewer.get("/admin/").content.decode()
    assert "The other is not." in home and "The one is well." not in home


def test_diagnostics_are_a_text_without_secrets(viewer, settings):
    assert viewer.get(TEXT).status_code == 302, "there is nothing to tell yet"
    viewer.post(LOOK)
    answer = viewer.get(TEXT)
    text = answer.content.decode()
    assert answer["Content-Type"].startswith("text/plain") and "attachment" in answer["Content-Disposition"]
    assert "Hot tables" in text and "job_queue" in text and "UTC" in text
    assert settings.SECRET_KEY not in text and "password" not in text.lower()


def test_whoever_looks_comes_back_to_where_they_were_and_nowhere_else(viewer):
    assert viewer.post(LOOK, {"next": "/admin/?range=7d"})["Location"] == "/admin/?range=7d"
    cache.clear()
    assert viewer.post(LOOK, {"next": "https://elsewhere.example/"})["Location"] == PAGE


def test_two_do_not_look_at_once(viewer):
    cache.add("doctor:looking", True, 60)
    assert "Somebody else is just looking" in viewer.post(LOOK, follow=True).content.decode()


def test_a_table_that_cannot_be_read_says_why(viewer, monkeypatch):
    monkeypatch.setattr("jobs.doctor.connections._BY_ROLE", "SELECT * FROM no_such_table")
    viewer.post(LOOK)
    page = viewer.get(PAGE).content.decode()
    assert "It could not be read: relation &quot;no_such_table&quot; does not exist" in page


def test_looking_is_for_staff_and_by_post(viewer):
    assert viewer.get(LOOK).status_code == 405
    for url in (PAGE, TEXT):
        assert "/admin/login/" in Client().get(url)["Location"]
    assert "/admin/login/" in Client().post(LOOK)["Location"]
