"""What handlers log is kept beside the job: bounded, scrubbed, and never in their way."""

import logging

import pytest

from jobs import current
from jobs.log_lines import ATTEMPTS_KEPT, MESSAGE_MAX_CHARACTERS
from jobs.models import LogLine
from jobs.outcomes import Attempt
from jobs.worker.log_keeping import LineKeeper, said
from tests.jobs.rows import new_job

pytestmark = pytest.mark.django_db(transaction=True)

_app = logging.getLogger("farm.fields")


@pytest.fixture
def keeper():
    made = LineKeeper(5)
    made.begin()
    yield made
    made.finish(10)


def attempt_at(job, number=1):
    return Attempt(str(job.pk), number, job.job_type, "default", 5, "{}", number, 0, 3, None, 0.0)


def messages(job, attempt=1):
    return list(LogLine.objects.filter(job=job, attempt=attempt).order_by("number").values_list("message", flat=True))


def test_lines_of_any_logger_belong_to_the_attempt_that_runs(keeper):
    job = new_job()
    _app.error("before any")
    with current.running(attempt_at(job)):
        _app.error("watered %s rows", 3)
    logging.getLogger("jobs.handler").error("by the context", extra={"job": str(job.pk), "attempt": 1})
    _app.error("of somebody else's job", extra={"job": str(job.pk), "attempt": 1})
    keeper.finish(10)
    assert messages(job) == ["watered 3 rows", "by the context"]
    line = LogLine.objects.get(job=job, number=0)
    assert (line.level, line.logger) == ("ERROR", "farm.fields")


def test_the_last_lines_of_an_attempt_are_kept(keeper):
    job = new_job()
    with current.running(attempt_at(job)):
        for number in range(12):
            _app.error("line %s", number)
    keeper.finish(10)
    assert messages(job) == [f"line {number}" for number in range(7, 12)]


def test_lines_of_attempts_long_past_go(keeper):
    job = new_job()
    for number in (1, ATTEMPTS_KEPT, ATTEMPTS_KEPT + 1):
        with current.running(attempt_at(job, number)):
            _app.error("attempt %s", number)
    keeper.finish(10)
    assert set(LogLine.objects.filter(job=job).values_list("attempt", flat=True)) == {ATTEMPTS_KEPT, ATTEMPTS_KEPT + 1}


def test_secrets_and_what_postgresql_cannot_hold_are_left_out_and_long_lines_cut(keeper):
    job = new_job()
    with current.running(attempt_at(job)):
        _app.error("password=hunter2")
        _app.error("nul \x00 here")
        _app.error("x" * 100_000)
        try:
            raise ValueError("token=abcdef")
        except ValueError:
            _app.exception("it broke")
    keeper.finish(10)
    secret, nul, long, stack = messages(job)
    assert secret == "password=[redacted]" and "\x00" not in nul and len(long) == MESSAGE_MAX_CHARACTERS
    assert stack.startswith("it broke\n") and "ValueError" in stack and "abcdef" not in stack


def test_a_line_with_wrong_arguments_is_still_a_line():
    record = logging.LogRecord("farm", logging.ERROR, "", 1, "%s of %s", (1,), None)
    assert "'%s of %s' with (1,)" in said(record)[-1]


def test_what_the_error_history_says_is_not_said_twice(keeper):
    job = new_job()
    extra = current.fields(attempt_at(job))
    logging.getLogger("jobs.attempts").error("gave up", extra=extra)
    keeper.finish(10)
    assert messages(job) == [] and keeper._thread is None, "nothing was begun for it"


def test_switched_off_it_listens_to_nothing():
    keeper = LineKeeper(0)
    keeper.begin()
    assert keeper not in logging.getLogger().handlers
