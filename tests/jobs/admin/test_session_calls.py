"""Sessions that people open and execute in the console."""

from typing import Any

import pytest

from jobs.models import AuditEntry, Job, Session
from jobs.sessions import NewSession, open_session
from jobs.synchronizing import synchronize
from tests.factories import UserFactory

pytestmark = pytest.mark.django_db

ADD = "/admin/jobs/session/add/"


@pytest.fixture(autouse=True)
def _catalogue(db: None) -> None:
    synchronize()


def test_a_session_is_opened_and_executed(operator: Any) -> None:
    assert "python-summarize" in operator.get(ADD).content.decode()
    said = {"function": "python-summarize", "context": '{"user_preferences": {"length": "short"}}', "ttl": "600"}
    answer = operator.post(ADD, said)
    session = Session.objects.get()
    page = f"/admin/jobs/session/{session.pk}/change/"
    assert (answer["Location"], session.user_id) == (page, operator.user.user_id)
    assert f"/admin/jobs/session/{session.pk}/execute/" in operator.get(page).content.decode()
    operator.post(f"/admin/jobs/session/{session.pk}/execute/", {"params": '{"content": "A relay."}'})
    job = Job.objects.get()
    assert job.payload == {"user_preferences": {"length": "short"}, "content": "A relay."}
    assert sorted(AuditEntry.objects.values_list("action", flat=True)) == ["execute", "open"]


@pytest.mark.parametrize(
    "said",
    [
        {"function": "python-summarize", "context": "[]"},
        {"function": "python-summarize", "context": '{"content": 5}'},
        {"function": "python-summarize", "ttl": "99999999999"},
        {"function": "nobody-knows"},
    ],
)
def test_what_cannot_be_opened_is_said(operator: Any, said: dict[str, str]) -> None:
    text = operator.post(ADD, said).content.decode()
    assert "errorlist" in text
    assert Session.objects.count() == 0


def test_only_its_owner_executes_a_session(operator: Any, viewer: Any) -> None:
    theirs = open_session(UserFactory(), NewSession("python-summarize", {}, {}))
    execute = f"/admin/jobs/session/{theirs.pk}/execute/"
    assert execute not in operator.get(f"/admin/jobs/session/{theirs.pk}/change/").content.decode()
    assert operator.post(execute, {"params": '{"content": "x"}'}).status_code == 403
    assert viewer.get(ADD).status_code == 403
    assert viewer.post(ADD, {"function": "python-summarize"}).status_code == 403
    assert (Job.objects.count(), Session.objects.count()) == (0, 1)
