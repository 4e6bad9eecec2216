"""The figures behind the console's charts, over the API."""

import pytest

from jobs import sampling
from tests.jobs.rows import new_job
from tests.jobs.test_sampling import count

pytestmark = pytest.mark.django_db


def test_the_last_slot_tells_what_was_counted(operator):
    sampling.sample()
    new_job(queue="mail")
    count("mail", "completed", 3)
    count("mail", "retry", 1)
    sampling.sample()
    found = operator.get("/api/v1/queues/mail/history").json()
    assert found["slot_minutes"] == 1 and len(found["points"]) == 60 and found["data_through"]
    known = [point for point in found["points"] if point["known"]]
    assert sum(point["completed"] for point in known) == 3 and sum(point["retried"] for point in known) == 1
    assert known[-1]["depth"] == 1 and 0.1 < known[-1]["wait_p95_seconds"] <= 0.25
    for span, slots in (("24h", 96), ("7d", 84)):
        assert len(operator.get(f"/api/v1/queues/mail/history?range={span}").json()["points"]) == slots


@pytest.mark.parametrize("query", ["range=1y", "range=", "span=1h", "range=1h&range=7d"])
def test_a_range_that_there_is_not_is_refused(operator, query):
    answer = operator.get(f"/api/v1/queues/mail/history?{query}")
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid-parameter")


def test_a_name_that_no_queue_can_have_is_nowhere(operator):
    assert operator.get("/api/v1/queues/a b/history").status_code == 404
