"""Workers ask for schedules all the time: however many there are, they read the one that is next."""

import pytest
from django.db import connection

from jobs.scheduling.firing import fire_due, seconds_until_due
from tests.contracts.plans import plans_of

pytestmark = pytest.mark.django_db

#: A tenth is switched off and a tenth deleted; of the others one of 50 waits for no time.
SCHEDULES = """INSERT INTO job_schedules (name, job_type, schedule_interval, is_active, is_deleted, next_run_at)
SELECT 's' || n, 'bench_coroutine', '{"type": "timedelta", "seconds": 3600}', n % 10 <> 1, n % 10 = 2,
       CASE WHEN n % 50 <> 3 THEN now() + (n - 3) * interval '1 second' END FROM generate_series(1, 5000) n"""


@pytest.fixture(params=[True, False], ids=["analyzed", "statistics-of-an-empty-table"])
def five_thousand(request):
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE job_schedules")
        cursor.execute(SCHEDULES)
        if request.param:
            cursor.execute("ANALYZE job_schedules")


@pytest.mark.parametrize("work", [seconds_until_due, lambda: fire_due(2)], ids=["when is the next", "fire"])
def test_what_is_due_is_found_by_its_index_in_order(work, five_thousand):
    plans = [plan for plan in plans_of(work) if plan.indexes("job_schedules") or plan.read_whole()]
    assert plans and not any("job_schedules" in plan.read_whole() for plan in plans)
    looking = [plan for plan in plans if plan.indexes("job_schedules") == {"schedule_due"}]
    assert looking and not any(plan.sorts() for plan in looking)
    # What is fired is written by its primary key.
    assert all(plan.indexes("job_schedules") <= {"schedule_due", "job_schedules_pkey"} for plan in plans)
