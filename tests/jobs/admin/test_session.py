from datetime import timedelta

import pytest
from django.utils.timezone import now

from accounts.uuid7 import first_uuid7
from jobs.models import AuditEntry, Session
from tests.factories import UserFactory
from tests.jobs.rows import new_job

LIST = "/admin/jobs/session/"


def session(**columns):
    columns = {"language_title": "python-x", "expires_at": now() + timedelta(hours=1), **columns}
    return Session.objects.create(**columns)


def listed(client, **parameters):
    response = client.get(LIST, parameters)
    assert response.status_code == 200, response
    return [row.pk for row in response.context["cl"].result_list]


def test_list_newest_first_with_the_status_as_it_really_is(operator):
    old = session(request_id=str(first_uuid7(now() - timedelta(days=2))), language_title="node-y")
    ended = session(expires_at=now() - timedelta(seconds=1))
    live = session(user=UserFactory(user_id="ann"))
    assert listed(operator) == [live.pk, ended.pk, old.pk]
    assert listed(operator, status="expired") == [ended.pk]
    assert listed(operator, status="active") == [live.pk, old.pk]
    assert listed(operator, status="nonsense") == []
    assert listed(operator, function="node-y") == [old.pk]
    assert listed(operator, window="24h") == [live.pk, ended.pk]
    assert listed(operator, q="ann") == [live.pk]
    assert listed(operator, q=old.pk) == [old.pk]
    assert "badge-expired" in operator.get(LIST).content.decode()


def test_page_shows_context_as_text(operator):
    row = session(context={"text": "<script>alert(1)</script>"}, metadata={"desk": 7}, execution_count=3)
    text = operator.get(f"{LIST}{row.pk}/change/").content.decode()
    assert "&lt;script&gt;" in text and "<script>alert" not in text
    assert "python-x" in text and "Executions" in text and "desk" in text


def test_close_with_a_reason(operator):
    row = session()
    assert "can be executed no more" in operator.get(f"{LIST}{row.pk}/close/").content.decode()
    text = operator.post(f"{LIST}{row.pk}/close/", {"reason": "too much"}, follow=True).content.decode()
    assert "The session has ended" in text and "too much" in text
    row.refresh_from_db()
    assert row.status == "closed"
    entry = AuditEntry.objects.get()
    assert (entry.action, entry.target_type, entry.target_id) == ("close", "session", row.pk)
    assert row.pk in operator.get("/admin/jobs/auditentry/").content.decode()
    assert "/close/" not in operator.get(f"{LIST}{row.pk}/change/").content.decode(), "nothing is left to close"


@pytest.mark.parametrize("method", ["get", "post"])
def test_a_viewer_closes_nothing(viewer, method):
    row = session()
    assert getattr(viewer, method)(f"{LIST}{row.pk}/close/").status_code == 403
    assert viewer.get(f"{LIST}{row.pk}/change/").status_code == 200
    row.refresh_from_db()
    assert row.status == "active"


def test_nobody_edits_or_deletes(operator):
    row = session()
    assert operator.post(f"{LIST}{row.pk}/change/", {"status": "closed"}).status_code == 405
    assert operator.post(f"{LIST}{row.pk}/delete/", {"post": "yes"}).status_code == 403


def test_a_session_that_was_pruned(operator):
    job = new_job(session="gone")
    assert "/session/gone/change/" in operator.get(f"/admin/jobs/job/{job.pk}/change/").content.decode()
    text = operator.get(f"{LIST}gone/change/", follow=True).content.decode()
    assert "Perhaps it was pruned" in text


def test_extend_and_the_jobs_that_it_has_submitted(operator):
    ann = UserFactory(user_id="ann")
    row = session(user=ann, execution_count=1, last_executed_at=now())
    job = new_job(user=ann, session=row.pk, request_id="req-7")
    other = new_job(user=ann, session="another")
    page = operator.get(f"{LIST}{row.pk}/change/").content.decode()
    assert str(job.pk)[-10:] in page and "req-7" in page and str(other.pk)[-10:] not in page
    text = operator.post(f"{LIST}{row.pk}/extend/", {"ttl": "14400", "reason": "a long day"}, follow=True)
    assert "The session ends later." in text.content.decode() and "a long day" in text.content.decode()
    before = row.expires_at
    row.refresh_from_db()
    assert timedelta(hours=2) < row.expires_at - before < timedelta(hours=4)
    entry = AuditEntry.objects.get()
    assert (entry.action, entry.reason, entry.target_id) == ("extend", "a long day", row.pk)
    Session.objects.update(status="closed")
    refused = operator.post(f"{LIST}{row.pk}/extend/", {"ttl": "3600"}, follow=True).content.decode()
    assert "/extend/" not in refused and AuditEntry.objects.count() == 1
