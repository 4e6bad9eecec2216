"""Every index of the audit log is there for a filter of its page, which reads a page of entries and no more."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection, transaction
from django.test import RequestFactory

from accounts.models import User
from jobs.admin.audit import AuditAdmin
from jobs.models import AuditEntry
from tests.contracts.plans import plans_of

pytestmark = [pytest.mark.slow, pytest.mark.django_db]

LAY = """
INSERT INTO job_audit_log (actor_name, action, target_type, target_id)
SELECT 'actor' || mod(n, 500), 'act' || mod(n, 300), 'job', md5(n::text) FROM generate_series(1, 100000) AS n
"""


@pytest.fixture(scope="module")
def log(django_db_setup: None, django_db_blocker: Any) -> Iterator[None]:
    with django_db_blocker.unblock(), transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute(LAY)
            cursor.execute("ANALYZE job_audit_log")
        yield
        transaction.set_rollback(True)


@pytest.mark.usefixtures("log")
@pytest.mark.parametrize(
    ("query", "index"),
    [
        ({}, "job_audit_log_pkey"),
        ({"who": "actor7"}, "audit_actor"),
        ({"action": "act9"}, "audit_action"),
        ({"q": "c4ca4238a0b923820dcc509a6f75849b"}, "audit_target"),
        ({"since": "2099-01-01T00:00"}, "job_audit_log_pkey"),
    ],
)
def test_each_filter_of_the_page_is_served_by_an_index(query: dict[str, str], index: str) -> None:
    from django.contrib import admin

    page = AuditAdmin(AuditEntry, admin.site)
    request = RequestFactory().get("/admin/jobs/auditentry/", query)
    request.user = User(user_id="boss", role="admin")
    plans = plans_of(lambda: list(page.get_changelist_instance(request).result_list))
    assert not any("job_audit_log" in plan.read_whole() for plan in plans)
    used = [plan.indexes("job_audit_log") for plan in plans]
    assert any(index in names for names in used), used
