"""What was logged while a job ran, over the API."""

from datetime import UTC, datetime

import pytest

from accounts.roles import Role
from jobs.log_lines import Line, keep
from tests.api_client import client_of
from tests.factories import UserFactory
from tests.jobs.rows import new_job

pytestmark = pytest.mark.django_db

AT = datetime(2026, 3, 2, 12, tzinfo=UTC)


@pytest.fixture
def job():
    job = new_job(user=UserFactory(user_id="ada"))
    lines = [
        Line(str(job.pk), attempt, n, AT, "INFO", "jobs.handler", f"{attempt}/{n}")
        for attempt in (1, 2)
        for n in range(4)
    ]
    keep(lines, 3)
    return job


def logs(job, user, **asked):
    return client_of(user).get(f"/api/v1/jobs/{job.pk}/logs", asked)


def test_the_latest_attempt_is_given_unless_another_is_asked_for(job):
    answer = logs(job, job.user).json()
    assert (answer["attempt"], answer["left_out"]) == (2, 1)
    assert [line["message"] for line in answer["lines"]] == ["2/1", "2/2", "2/3"]
    assert answer["lines"][0].keys() == {"number", "at", "level", "logger", "message"}
    assert [line["number"] for line in logs(job, job.user, attempt=1).json()["lines"]] == [1, 2, 3]
    assert logs(job, job.user, attempt=7).json() == {"attempt": 7, "left_out": 0, "lines": []}
    assert logs(new_job(user=job.user), job.user).json() == {"attempt": None, "left_out": 0, "lines": []}


def test_they_are_for_the_owner_and_for_staff(job):
    assert logs(job, UserFactory(user_id="bob")).status_code == 404
    assert logs(job, UserFactory(user_id="vera", role=Role.VIEWER)).status_code == 200


@pytest.mark.parametrize("wrong", ["x", "-1", "1.5", "", "99999999999999"])
def test_what_is_no_attempt_is_refused(job, wrong):
    assert logs(job, job.user, attempt=wrong).status_code == 400
