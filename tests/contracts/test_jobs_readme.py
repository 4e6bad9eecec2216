"""The page about the queue's code is true."""

import re
from pathlib import Path

import pytest
from django.conf import settings

from jobs import control, dead_letters
from jobs.models import Job, ProcessingLock
from jobs.models.columns import ClockTimestamp
from jobs.statuses import Status
from jobs.worker import maintenance
from tests.factories import UserFactory
from tests.jobs.rows import dead_letter, fail, finish, new_job, start
from tests.jobs.sql.test_functions import call
from tests.jobs.states import job_in

JOBS = Path(settings.BASE_DIR) / "jobs"
PAGE = (JOBS / "README.md").read_text()


def section(title: str) -> str:
    return PAGE.split(f"## {title}\n", 1)[1].split("\n## ", 1)[0]


def test_the_map_names_every_module_once():
    cells = [line.split("|")[1] for line in section("Package map").splitlines() if line.startswith("| `")]
    named = re.findall(r"`(\w+)`", "".join(cells))
    there = {path.stem for path in JOBS.iterdir() if path.suffix == ".py" or path.is_dir()} - {
        "__init__",
        "__pycache__",
    }
    assert sorted(named) == sorted(there)


def test_files_that_the_page_names_are_there():
    named = re.findall(r"`((?:\w+/)*\w+\.(?:py|sql)|(?:\w+/)+)`", PAGE)
    assert len(named) > 8
    missing = [name for name in named if not (JOBS / name).exists() and not (JOBS.parent / name).exists()]
    assert missing == []


def test_links_lead_somewhere():
    for target in re.findall(r"\]\(([^)#]+)", PAGE):
        assert (JOBS / target).exists(), target


def lose(job: Job) -> None:
    start(job)
    ProcessingLock.objects.filter(job=job).update(expires_at=ClockTimestamp())
    maintenance.rescue()


def give_back(job: Job) -> None:
    call("release_jobs(ARRAY[%s::uuid], ARRAY[%s::bigint])", job.pk, start(job).lock_token)


def suspend(job: Job) -> None:
    call("suspend_jobs(ARRAY[%s::uuid], ARRAY[%s::bigint], ARRAY[60::float8])", job.pk, start(job).lock_token)


def stop_when_asked(job: Job) -> None:
    lock = start(job)
    control.cancel(job.pk, None)
    call("cancel_jobs(ARRAY[%s::uuid], ARRAY[%s::bigint])", job.pk, lock.lock_token)


def settle(act):
    return lambda job: act(dead_letter(job).pk, UserFactory())


#: Every arrow of the diagram: where it begins, its name, and how it is done, from a pending job on.
MOVES = [
    (Status.PENDING, "claim", start),
    (Status.PROCESSING, "complete", finish),
    (Status.PROCESSING, "retry later", fail),
    (Status.PROCESSING, "give back", give_back),
    (Status.PROCESSING, "suspend", suspend),
    (Status.PROCESSING, "rescue", lose),
    (Status.PROCESSING, "give up", lambda job: fail(job, retryable=False)),
    (Status.PROCESSING, "rescue without retries left", lambda job: (Job.objects.update(max_retries=0), lose(job))),
    (Status.PROCESSING, "stop when asked", stop_when_asked),
    (Status.PENDING, "cancel", lambda job: control.cancel(job.pk, None)),
    (Status.CANCELLED, "retry", lambda job: (control.cancel(job.pk, None), control.retry(job.pk, None))),
    (Status.FAILED, "retry", lambda job: (settle(dead_letters.discard)(job), control.retry(job.pk, None))),
    (Status.DEAD_LETTER, "redrive", settle(dead_letters.redrive)),
    (Status.DEAD_LETTER, "discard", settle(dead_letters.discard)),
    (Status.DEAD_LETTER, "resolve", settle(dead_letters.resolve)),
]


@pytest.mark.django_db
def test_the_life_of_a_job_is_as_drawn():
    found = {("[*]", new_job().status, "enqueue")}
    for begins, name, move in MOVES:
        job = new_job()
        move(job)
        job.refresh_from_db()
        found.add((str(begins), job.status, name))
    drawn = re.findall(r"^ +(\S+) --> (\w+): (.+)$", section("The life of a job"), re.MULTILINE)
    assert set(drawn) == found
    assert len(drawn) == len(found)


@pytest.mark.django_db
def test_every_status_is_in_the_drawing(actor):
    for status in Status:
        assert job_in(status, actor).status in section("The life of a job")


@pytest.fixture
def actor(db):
    return UserFactory()
