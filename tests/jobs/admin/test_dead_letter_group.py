from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils.timezone import now

from accounts.models import User
from jobs import dead_letters
from jobs.models import AuditEntry, DeadLetterGroup, DeadLetterHour
from tests.jobs.rows import dead_letter, finish, new_job

DESK = "/admin/jobs/deadlettergroup/"


@pytest.fixture
def letter(db):
    return dead_letter()


@pytest.fixture
def group(letter):
    return DeadLetterGroup.objects.get(pk=letter.error_fingerprint)


def url(group, act="change"):
    return reverse(f"admin:jobs_deadlettergroup_{act}", args=[group.pk])


def classes(client, **params):
    return {group.error_class for group in client.get(DESK, params).context["cl"].result_list}


def test_the_desk_groups_by_error_and_shows_how_each_grows(operator, letter):
    dead_letter()
    lone = dead_letter(error_class="ValueError", message="no text in article 7")
    page = operator.get(DESK)
    counts = {group.error_class: group.open_count for group in page.context["cl"].result_list}
    assert counts == {"ConnectionError": 2, "ValueError": 1}
    text = page.content.decode()
    assert f"{DESK}{lone.error_fingerprint}/change/" in text
    assert "2 this hour, 2 in 24 hours, 2 in 7 days" in text


def test_filters(operator, letter):
    mei = User.objects.create_user("mei", role="viewer")
    settled = dead_letter(error_class="ValueError", message="no text")
    dead_letters.resolve(settled.pk, operator.user)
    muted = dead_letter(new_job(queue="slow"), error_class="TypeError", message="odd")
    DeadLetterGroup.objects.filter(pk=muted.error_fingerprint).update(status="ignored", assignee=mei)
    DeadLetterGroup.objects.filter(error_class="ConnectionError").update(assignee=operator.user)
    every = {"ConnectionError", "ValueError", "TypeError"}
    assert classes(operator) == {"ConnectionError"}
    assert classes(operator, state="all") == every
    assert classes(operator, state="ignored") == {"TypeError"}
    assert classes(operator, state="open") == {"ConnectionError", "ValueError"}
    assert classes(operator, assignee="me") == {"ConnectionError"}
    assert classes(operator, state="all", assignee="nobody") == {"ValueError"}
    assert classes(operator, state="all", queue="slow") == {"TypeError"}
    assert classes(operator, state="all", error="TypeError") == {"TypeError"}
    assert classes(operator, state="all", type="summarize", age="24h") == every
    assert classes(operator, state="all", age="older-1d") == set()
    assert classes(operator, state="all", q="NO TEXT") == {"ValueError"}
    assert "No group is like that" in operator.get(DESK, {"q": "nothing"}).content.decode()


def test_the_page_of_a_group(operator, letter, group):
    mei = User.objects.create_user("mei")
    again = dead_letter(new_job(user=mei))
    dead_letters.redrive(letter.pk, operator.user)
    finish(letter.original_job)
    text = operator.get(url(group)).content.decode()
    for part in ("2 this hour", ">mei<", "1 user", "It succeeded", "Redrive all open…", str(again.pk)):
        assert part in text, part
    assert f"/admin/jobs/deadletter/many/redrive/?group={group.pk}" in text
    assert str(letter.pk) not in text, "it is settled"


def test_what_is_kept_with_a_group(operator, group):
    said = {"assignee": operator.user.user_id, "ticket": "OPS-7", "notes": "known since March"}
    text = operator.post(url(group, "keep"), said, follow=True).content.decode()
    group.refresh_from_db()
    assert (group.assignee, group.ticket, group.note) == (operator.user, "OPS-7", "known since March")
    assert "known since March" in text and operator.user.user_id in operator.get(DESK).content.decode()
    actions = AuditEntry.objects.filter(target_id=group.pk).values_list("action", flat=True)
    assert set(actions) == {"assign", "link", "annotate"}


def test_muted_and_woken(operator, group):
    page = operator.get(url(group, "mute")).content.decode()
    assert "The group leaves the desk" in page
    assert "Say until when" in operator.post(url(group, "mute"), {"span": ""}).content.decode()
    text = operator.post(url(group, "mute"), {"span": "7d", "reason": "being mended"}, follow=True).content.decode()
    assert "Muted: it is not on the desk" in text
    assert classes(operator) == set()
    group.refresh_from_db()
    assert timedelta(days=6) < group.muted_until - now() < timedelta(days=8) and group.muted_versions == []
    operator.post(url(group, "reopen"), {})
    assert classes(operator) == {"ConnectionError"}
    text = operator.post(url(group, "mute"), {"span": "version"}, follow=True).content.decode()
    group.refresh_from_db()
    assert "under another version" in text and group.muted_until is None and group.muted_versions


def test_resolved_only_when_nothing_waits(operator, letter, group):
    assert "Mark as resolved" not in operator.get(url(group)).content.decode()
    assert "still open" in operator.post(url(group, "settle"), {}, follow=True).content.decode()
    dead_letters.discard(letter.pk, operator.user)
    assert "Redrive all open" not in operator.get(url(group)).content.decode()
    operator.post(url(group, "settle"), {})
    assert classes(operator, state="resolved") == {"ConnectionError"}
    dead_letter()
    assert classes(operator) == {"ConnectionError"}


def test_a_viewer_looks_and_acts_on_nothing(viewer, group):
    text = viewer.get(url(group)).content.decode()
    assert "Redrive all open" not in text and "Mute…" not in text and 'id="id_assignee"' not in text
    for act in ("triage", "mute", "settle", "reopen", "keep"):
        assert viewer.post(url(group, act), {"span": "1d", "notes": "x"}).status_code == 403
    group.refresh_from_db()
    assert (group.status, group.note) == ("open", "")


def test_the_pages_ask_little(operator, group, asked):
    for number in range(12):
        dead_letter(error_class=f"Error{number}")
        DeadLetterHour.objects.create(error_fingerprint=group.pk, hour=now() - timedelta(hours=number + 1), count=3)
    assert asked(DESK) < 15
    assert asked(url(group)) < 15


def test_a_group_that_is_gone(operator):
    text = operator.get(f"{DESK}nothing/change/", follow=True).content.decode()
    assert "There is no dead letter group" in text
