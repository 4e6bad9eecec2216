"""Tasks and events on the page of their job."""

from typing import Any

import pytest

from jobs.decorators import Handler
from jobs.enqueue import enqueue
from jobs.models import AuditEntry, Event, Job, Task
from jobs.testing import run_job
from tests.jobs.admin.test_job import page, url


@pytest.fixture
def job(register: Any, db: None) -> Job:
    def waiting(ctx: Any) -> Any:
        ctx.task("greet", lambda who: f"hello <{who}>", "ada")
        ctx.map("each", abs, range(150))
        return ctx.wait_for("approved")

    handler: Handler = register("waiting", waiting)
    return run_job(Job.objects.get(pk=enqueue(handler.job_type.name, {}).id))


def test_the_page_shows_tasks_and_how_far_they_are(operator: Any, job: Job) -> None:
    text = page(operator, url(job))
    assert "152 completed, 1 processing" in text
    assert "greet" in text
    assert "hello &lt;ada&gt;" in text
    # Its hundred and fifty items are told by their number.
    assert "each [" not in text
    assert "150 more are not shown" in text


def test_what_a_lost_worker_left_is_told(operator: Any, job: Job) -> None:
    Task.objects.filter(name="greet").update(status="processing", completed_at=None)
    assert "badge-unfinished" in page(operator, url(job))


def test_an_operator_sends_an_event(operator: Any, job: Job) -> None:
    address = url(job, "event")
    assert 'value="approved"' in page(operator, address)
    response = operator.post(address, {"name": "approved", "payload": '{"by": "desk"}'}, follow=True)
    text = response.content.decode()
    assert "The event is sent." in text
    assert "approved" in text
    event = Event.objects.get()
    assert event.payload == {"by": "desk"}
    assert event.sent_by is not None
    assert AuditEntry.objects.get().action == "send event"
    assert run_job(job).result == {"by": "desk"}


@pytest.mark.parametrize("form", [{"name": "a b", "payload": ""}, {"name": "a", "payload": "[1]"}])
def test_events_that_are_refused(operator: Any, job: Job, form: Any) -> None:
    assert operator.post(url(job, "event"), form).status_code == 200
    assert not Event.objects.exists()


def test_a_viewer_sends_nothing(viewer: Any, job: Job) -> None:
    assert viewer.post(url(job, "event"), {"name": "approved"}).status_code == 403
    assert viewer.post(url(job, "forget"), {}).status_code == 403
    assert not Event.objects.exists()


def test_tasks_are_forgotten_on_demand(operator: Any, job: Job) -> None:
    assert "Forget its tasks" in page(operator, url(job))
    operator.post(url(job, "forget"), {"reason": "the code is another"})
    assert not Task.objects.exists()
    entry = AuditEntry.objects.get()
    assert (entry.action, entry.details["tasks"]) == ("forget tasks", 153)
    job.refresh_from_db()
    assert (job.status, job.waits_for) == ("pending", None)
    assert run_job(job).waits_for == "event"
