"""Jobs and batches that people submit in the console: checked as the API checks them, done, and in the audit log."""

import html
import uuid
from typing import Any

import pytest

from jobs import functions
from jobs.admin import submission_forms
from jobs.models import AuditEntry, Batch, Job
from jobs.testing import drain_jobs

pytestmark = pytest.mark.django_db

JOB, BATCH = "/admin/jobs/job/add/", "/admin/jobs/batch/add/"
TEXT = '{"content": "The relay race was held in Tokyo. Ten runners handed over the sash."}'


def test_the_type_is_asked_for_first_and_brings_its_example(operator: Any) -> None:
    text = operator.get(JOB).content.decode()
    assert '<option value="summarize">' in text and "bench_thread" not in text
    text = operator.get(JOB, {"type": "summarize"}).content.decode()
    assert "user_preferences" in text and 'value="default"' in text
    assert "<select" in operator.get(JOB, {"type": "nonsense"}).content.decode()


def test_a_job_is_submitted_with_what_was_chosen_and_runs(operator: Any) -> None:
    said = {"payload": TEXT, "queue": "default", "priority": "9", "tags": "a, b", "metadata": '{"x": 1}'}
    answer = operator.post(f"{JOB}?type=summarize", {**said, "project_name": "relay", "unique_key": "once"})
    job = Job.objects.get()
    assert answer["Location"] == f"/admin/jobs/job/{job.pk}/change/"
    assert (job.priority, job.tags, job.metadata, job.project_name) == (9, ["a", "b"], {"x": 1}, "relay")
    assert job.user == operator.user
    assert AuditEntry.objects.get(action="submit").target_id == str(job.pk)
    again = operator.post(f"{JOB}?type=summarize", {**said, "unique_key": "once"}, follow=True)
    assert "Nothing is submitted" in again.content.decode()
    drain_jobs(raising=True)
    job.refresh_from_db()
    assert job.status == "completed"


@pytest.mark.parametrize(
    ("said", "refusal"),
    [
        ({"payload": "{"}, "This is not JSON"),
        ({"payload": '{"content": 5}'}, "/content"),
        ({"payload": TEXT, "priority": "101"}, "100"),
        ({"payload": TEXT, "queue": "no queue!"}, "errorlist"),
        ({"payload": TEXT, "scheduled_at": "2999-01-01T00:00"}, "errorlist"),
        ({"payload": TEXT, "metadata": "[]"}, "errorlist"),
    ],
)
def test_what_cannot_be_submitted_is_said_beside_its_field(operator: Any, said: dict[str, str], refusal: str) -> None:
    text = operator.post(f"{JOB}?type=summarize", said).content.decode()
    assert refusal in text and "errorlist" in text
    assert Job.objects.count() == 0


def test_a_function_of_another_language_is_called_too(operator: Any) -> None:
    functions.register(operator.user, "node", "thumbnail", examples=[{"url": "https://example.org/"}])
    assert "https://example.org/" in operator.get(JOB, {"type": "node-thumbnail"}).content.decode()
    operator.post(f"{JOB}?type=node-thumbnail", {"payload": "{}"})
    assert Job.objects.get().job_type == "node-thumbnail"
    functions.change("node-thumbnail", operator.user, is_active=False)
    assert "node-thumbnail" not in operator.get(JOB).content.decode()


def test_a_batch_has_a_job_for_each_line(operator: Any) -> None:
    said = {"name": "evening", "payloads": f"{TEXT}\n\n{TEXT}\r\n", "priority": "2"}
    answer = operator.post(f"{BATCH}?type=summarize", said)
    batch = Batch.objects.get()
    assert answer["Location"] == f"/admin/jobs/batch/{batch.pk}/change/"
    assert (batch.name, batch.total, {job.priority for job in Job.objects.filter(batch=batch)}) == ("evening", 2, {2})


def test_all_of_a_batch_or_none_of_it(operator: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    for lines, refusal in ((f"{TEXT}\n[]", "Line 2"), (f'{TEXT}\n{{"content": 5}}', "jobs/1")):
        text = operator.post(f"{BATCH}?type=summarize", {"payloads": lines}).content.decode()
        assert refusal in text
    monkeypatch.setattr(submission_forms, "MOST_LINES", 1)
    assert "At most 1 lines" in operator.post(f"{BATCH}?type=summarize", {"payloads": "{}\n{}"}).content.decode()
    assert (Job.objects.count(), Batch.objects.count()) == (0, 0)


def test_viewers_submit_nothing(viewer: Any) -> None:
    for address in (JOB, BATCH, "/admin/jobs/batch/workflow/"):
        assert viewer.get(address).status_code == 403
        assert viewer.post(f"{address}?type=summarize", {"payload": TEXT, "payloads": TEXT}).status_code == 403
    assert Job.objects.count() == 0


WORKFLOW = "/admin/jobs/batch/workflow/"


def test_a_workflow_runs_in_its_order(operator: Any) -> None:
    assert "Submit a workflow" in operator.get("/admin/jobs/batch/").content.decode()
    steps = f'{{"first": {{"type": "summarize", "payload": {TEXT}}}, "then": {{"type": "summarize", "payload": {TEXT}, '
    steps += '"depends_on": ["first"], "priority": 9}, "if-not": {"type": "summarize", "payload": {"content": "x"}, '
    steps += '"depends_on": [{"step": "first", "condition": "failed"}]}}'
    answer = operator.post(WORKFLOW, {"name": "relay", "steps": steps})
    batch = Batch.objects.get()
    assert answer["Location"] == f"/admin/jobs/batch/{batch.pk}/change/"
    drain_jobs(raising=True)
    ended = dict(Job.objects.values_list("id", "status"))
    by_name = {name: ended[uuid.UUID(job_id)] for name, job_id in batch.steps.items()}
    assert by_name == {"first": "completed", "then": "completed", "if-not": "cancelled"}


@pytest.mark.parametrize(
    ("steps", "refusal"),
    [
        ("{", "This is not JSON"),
        ('{"a": 5}', "a step is an object with a type"),
        ('{"a": {"type": "summarize", "color": 1}}', "color is not known here"),
        ('{"a": {"type": "summarize", "payload": []}}', "payload is an object"),
        ('{"a": {"type": "summarize", "priority": 101}}', "priority"),
        ('{"a": {"type": "summarize", "depends_on": [{"step": "b", "condition": "never"}]}}', "completed, ended or"),
        ('{"a": {"type": "summarize", "depends_on": ["b"]}}', "steps/a"),
        ('{"a": {"type": "summarize", "payload": {"content": 5}}}', "steps/a"),
        ('{"a": {"type": "nobody-knows"}}', "nobody-knows"),
    ],
)
def test_what_makes_no_workflow_is_said(operator: Any, steps: str, refusal: str) -> None:
    text = html.unescape(operator.post(WORKFLOW, {"steps": steps}).content.decode())
    assert refusal in text and "errorlist" in text
    assert (Job.objects.count(), Batch.objects.count()) == (0, 0)
