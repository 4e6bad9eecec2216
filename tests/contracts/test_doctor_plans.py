"""The doctor is called when something is wrong, so it must not make it worse: no check reads history."""

import pytest
from django.db import connection

from jobs.doctor.checks import checks
from tests.contracts import history
from tests.contracts.plans import plans_of

pytestmark = [pytest.mark.slow, pytest.mark.django_db]

#: These grow with the years.
HISTORY = {"job_queue", "job_dead_letter_queue", "request_logs", "error_logs", "job_audit_log", "articles"}
#: These ask no tables of ours, or the catalogue alone by many statements.
ELSEWHERE = {"redis", "disk", "schema", "roles"}


def test_no_check_reads_history_from_end_to_end():
    history.lay(analyzed=True)
    for name in checks.keys() - ELSEWHERE:
        read = {
            table for plan in plans_of(lambda check=checks[name]: list(check.look())) for table in plan.read_whole()
        }
        assert not read & HISTORY, name


def test_the_functions_that_checks_call_do_not_either():
    history.lay(analyzed=True)
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL statement_timeout = '2s'")
    assert list(checks["queues"].look()) and list(checks["workers"].look())
