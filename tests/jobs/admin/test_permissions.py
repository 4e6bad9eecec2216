"""Viewers look, operators act, everyone else stays out; and nothing happens without POST and the CSRF token."""

import re
from datetime import timedelta

import pytest
from django.contrib import admin
from django.test import Client
from django.utils.timezone import now

from accounts.models import User
from accounts.roles import Role
from jobs.models import (
    Article,
    AuditEntry,
    Function,
    Job,
    ProviderState,
    SavedSearch,
    Schedule,
    SearchRejection,
    Session,
    Worker,
)
from tests.factories import UserFactory
from tests.jobs.admin.conftest import client_of
from tests.jobs.rows import dead_letter, new_job, start

#: The last word of the addresses where something is done.
ACTS = {act.name for shown in admin.site._registry.values() for act in getattr(shown, "acts", ())}

LISTS = [
    "job",
    "deadletter",
    "deadlettergroup",
    "queue",
    "worker",
    "supervisor",
    "processinglock",
    "auditentry",
    "session",
    "function",
    "schedule",
    "article",
    "summary",
    "podcast",
    "providerstate",
    "providercall",
    "savedsearch",
    "searchindex",
    "searchrejection",
]


@pytest.fixture
def places(db):
    """Addresses of every act, each with what would be sent."""
    job, running, letter = new_job(), new_job(), dead_letter()
    hourly = {"type": "timedelta", "seconds": 3600}
    schedule = Schedule.objects.create(name="hourly", job_type="bench_thread", schedule_interval=hourly)
    ProviderState.objects.create(name="groq")
    SearchRejection.objects.create(job_id=job.pk, version=1, error_message="mapper_parsing", retry_at=now())
    owner = User.objects.filter(user_id="operator-1").first() or UserFactory()
    search = SavedSearch.objects.create(user=owner, name="x", query="status:failed", shared=True)
    lock, article = start(running), Article.objects.create(title="x")
    Worker.objects.create(id="relay-1", hostname="relay-1", pid=1, queues=[], concurrency=1)
    session = Session.objects.create(language_title="python-x", expires_at=now() + timedelta(hours=1))
    function = Function.objects.create(language="go", title="resize", language_title="go-resize")
    base = "/admin/jobs"
    upto = {"upto": str(letter.pk)}
    return {
        f"{base}/job/{job.pk}/cancel/": {},
        f"{base}/job/{job.pk}/retry/": {},
        f"{base}/job/{job.pk}/priority/": {"priority": 9, "expected_version": job.version},
        f"{base}/job/many/cancel/": {"upto": str(running.pk)},
        f"{base}/processinglock/{running.pk}/release/": {"lock_token": lock.lock_token},
        f"{base}/providerstate/groq/reset/": {},
        f"{base}/searchrejection/{job.pk}/again/": {},
        f"{base}/searchrejection/many/again/": {"upto": str(job.pk)},
        f"{base}/savedsearch/add/": {"name": "x", "query": "status:failed"},
        f"{base}/savedsearch/{search.pk}/delete/": {},
        f"{base}/queue/default/pause/": {},
        f"{base}/queue/default/resume/": {},
        f"{base}/queue/default/configure/": {"concurrency_limit": 1},
        f"{base}/queue/pause-all/": {},
        f"{base}/queue/resume-all/": {},
        f"{base}/queue/default/purge/": {"typed": "default", "what": "cancel", "before": now().isoformat()},
        **{f"{base}/worker/relay-1/{act}/": {} for act in ("drain", "quiet", "wake")},
        **{f"{base}/session/{session.pk}/{act}/": {"ttl": 3600} for act in ("extend", "close")},
        **{f"{base}/function/{function.pk}/{act}/": {} for act in ("try", "edit", "switch-off", "switch-on")},
        f"{base}/schedule/{schedule.pk}/skip-next/": {"expected": now().isoformat()},
        f"{base}/schedule/{schedule.pk}/backfill/": {"since": "2026-03-01T00:00", "until": "2026-03-02T00:00"},
        f"{base}/job/{job.pk}/restore/": {},
        f"{base}/deadletter/{letter.pk}/redrive/": {},
        f"{base}/deadletter/{letter.pk}/discard/": {},
        f"{base}/deadletter/{letter.pk}/resolve/": {},
        f"{base}/deadletter/{letter.pk}/notes/": {"notes": "x"},
        f"{base}/deadletter/{letter.pk}/triage/": {},
        f"{base}/deadletter/{letter.pk}/ignore/": {"span": "1d"},
        f"{base}/deadletter/{letter.pk}/reopen/": {},
        f"{base}/deadlettergroup/{letter.error_fingerprint}/keep/": {"notes": "x"},
        f"{base}/deadlettergroup/{letter.error_fingerprint}/triage/": {},
        f"{base}/deadlettergroup/{letter.error_fingerprint}/mute/": {"span": "1d"},
        f"{base}/deadlettergroup/{letter.error_fingerprint}/settle/": {},
        f"{base}/deadlettergroup/{letter.error_fingerprint}/reopen/": {},
        f"{base}/deadletter/{letter.pk}/preview/": {"payload": '{"content": "x"}', "confirm": "yes"},
        **{f"{base}/schedule/{schedule.pk}/{act}/": {} for act in ("run", "pause", "resume", "delete", "restore")},
        f"{base}/schedule/{schedule.pk}/edit/": {"name": "x"},
        f"{base}/schedule/add/": {"name": "x"},
        f"{base}/schedule/many/pause/": {"upto": str(schedule.pk)},
        **{f"{base}/article/{article.pk}/{act}/": {} for act in ("summarize", "delete")},
        f"{base}/deadletter/many/redrive/": upto,
        f"{base}/deadletter/many/discard/": upto,
    }


def pages(letter_id, job_id):
    return [f"/admin/jobs/{name}/" for name in LISTS] + [
        f"/admin/jobs/deadletter/{letter_id}/change/",
        f"/admin/jobs/job/{job_id}/change/",
        "/admin/jobs/queue/default/change/",
        "/admin/",
    ]


def test_viewer_is_refused_every_act(viewer, places):
    before = list(Job.objects.order_by("id").values())
    for address, form in places.items():
        assert viewer.post(address, form).status_code == 403, address
        assert viewer.get(address).status_code in {403, 405}, address
    assert list(Job.objects.order_by("id").values()) == before
    assert not AuditEntry.objects.exists()


def test_viewer_sees_everything_and_no_button(viewer):
    letter = dead_letter()
    for address in pages(letter.pk, letter.original_job_id):
        response = viewer.get(address)
        assert response.status_code == 200, address
        text = response.content.decode()
        assert ACTS.isdisjoint(re.findall(r'(?:href|action)="[^"]*/([\w-]+)/(?:\?[^"]*)?"', text)), address
        assert 'name="action"' not in text, address


def test_operator_sees_the_buttons(operator):
    letter = dead_letter()
    assert 'class="act' in operator.get(f"/admin/jobs/deadletter/{letter.pk}/change/").content.decode()
    assert 'name="action"' in operator.get("/admin/jobs/job/").content.decode()


@pytest.mark.parametrize("role", [Role.USER, Role.WORKER])
def test_others_cannot_enter(db, places, role):
    client = client_of(role)
    for address in [*places, *(f"/admin/jobs/{name}/" for name in LISTS), "/admin/"]:
        for response in (client.get(address), client.post(address, places.get(address, {}))):
            assert response.status_code == 302 and "/admin/login/" in response.url, address
    assert not AuditEntry.objects.exists()


def test_nobody_adds_edits_or_deletes_rows(operator):
    letter = dead_letter()
    assert operator.get("/admin/jobs/deadletter/add/").status_code == 403
    assert operator.post(f"/admin/jobs/deadletter/{letter.pk}/delete/", {"post": "yes"}).status_code == 403
    # The act of this name refuses a job that waits for a person.
    operator.post(f"/admin/jobs/job/{letter.original_job_id}/delete/", {"post": "yes"})
    for name, pk in (("job", letter.original_job_id), ("deadletter", letter.pk)):
        assert operator.post(f"/admin/jobs/{name}/{pk}/change/", {"status": "completed"}).status_code == 405
        ticked = {"action": "delete_selected", "_selected_action": [str(pk)], "index": 0}
        operator.post(f"/admin/jobs/{name}/", ticked)
    assert Job.objects.filter(status="dead_letter").count() == 1


def test_acts_need_the_csrf_token(operator, places):
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(operator.user)
    for address, form in places.items():
        assert strict.post(address, form).status_code == 403, address
    assert not AuditEntry.objects.exists()


def test_looking_changes_nothing(operator, places):
    before = list(Job.objects.order_by("id").values())
    for address in places:
        assert operator.get(address).status_code in {200, 405}
    assert list(Job.objects.order_by("id").values()) == before
    assert not AuditEntry.objects.exists()
