"""A clone is asked for, compared, confirmed and recorded; viewers are refused."""

import json

import pytest
from django.urls import reverse

from jobs.models import AuditEntry, Job
from jobs.schemas import Secret
from tests.factories import UserFactory
from tests.jobs.rows import fail, new_job


@pytest.fixture
def login(register):
    def log_in(ctx, name: str, password: Secret[str], times: int = 1):
        return times

    return register("log_in", log_in)


def url(job):
    return reverse("admin:jobs_job_clone", args=[str(job.pk)])


def example(**fields):
    payload = {"name": "ada", "password": "hunter2"}
    return new_job("log_in", **{"payload": payload, "user": UserFactory(user_id="ada"), "queue": "mail", **fields})


def sent(job, payload, **chosen):
    return {
        "payload": json.dumps(payload),
        "queue": job.queue,
        "priority": job.priority,
        "tags": ", ".join(job.tags),
        **chosen,
    }


@pytest.mark.usefixtures("login")
def test_the_form_begins_as_the_example_is_and_hides_its_secrets(operator):
    job = example(tags=["a", "b"], metadata={"branch": "main"}, priority=7)
    text = operator.get(url(job)).content.decode()
    assert "hunter2" not in text and "ada" in text and 'value="a, b"' in text and "main" in text and 'value="7"' in text


@pytest.mark.usefixtures("login")
def test_it_is_shown_before_it_is_submitted_and_its_secrets_go_along(operator):
    job = fail(example(), retryable=False)
    masked = {"name": "grace", "password": "••••••"}
    shown = operator.post(url(job), sent(job, masked)).content.decode()
    assert "grace" in shown and "hunter2" not in shown and Job.objects.count() == 1
    operator.post(url(job), sent(job, masked, priority=8, tags="again", reason="mistyped", confirm="yes"), follow=True)
    clone = Job.objects.exclude(pk=job.pk).get()
    assert clone.payload == {"name": "grace", "password": "hunter2"}
    assert (clone.queue, clone.priority, clone.tags, clone.user, clone.status) == (
        "mail",
        8,
        ["again"],
        job.user,
        "pending",
    )
    entries = AuditEntry.objects.filter(action="clone")
    assert {entry.target_id for entry in entries} == {str(job.pk), str(clone.pk)}
    assert {entry.reason for entry in entries} == {"mistyped"}
    for here, other in ((job, clone), (clone, job)):
        page = operator.get(reverse("admin:jobs_job_change", args=[here.pk])).content.decode()
        assert reverse("admin:jobs_job_change", args=[other.pk]) in page


@pytest.mark.usefixtures("login")
@pytest.mark.parametrize(
    ("payload", "chosen", "said"),
    [
        ({"name": 5, "password": "x"}, {}, "/name"),
        ({"name": "a"}, {}, "password"),
        ({"name": "a", "password": "x"}, {"priority": 101}, "less than or equal to 100"),
        ({"name": "a", "password": "x"}, {"queue": "no such"}, "letters, digits"),
        ({"name": "a", "password": "x"}, {"metadata": "[]"}, "object"),
        ({"name": "a", "password": "x"}, {"queue": "lang.go", "confirm": "yes"}, "belong to other languages"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_is_submitted(operator, payload, chosen, said):
    job = example()
    text = operator.post(url(job), sent(job, payload, **chosen)).content.decode()
    assert said in text and Job.objects.count() == 1 and not AuditEntry.objects.exists()


@pytest.mark.usefixtures("login")
def test_viewers_are_refused(viewer):
    job = example()
    assert viewer.get(url(job)).status_code == 403
    payload = {"name": "a", "password": "x"}
    assert viewer.post(url(job), sent(job, payload, confirm="yes")).status_code == 403
    assert Job.objects.count() == 1
