"""What row-level security costs: nothing for staff and workers, one look at a setting for users."""

import re
from typing import Any

import pytest
from django.db import connection, transaction
from django.db.models import QuerySet

from accounts.models import User
from accounts.row_security import acting_as
from config.roles.declared import APP, WORKER
from jobs.models import Job
from tests.database_roles import working_as
from tests.factories import UserFactory
from tests.jobs.api.test_list_plans import filled  # noqa: F401 (a fixture)

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("database_roles")]


def plan(rows: QuerySet[Any]) -> str:
    return rows.explain(analyze=True, verbose=False, timing=False, summary=False, buffers=False)


def scans(text: str) -> list[str]:
    """Name the indexes of a plan on the job table."""
    return re.findall(r"(?:Index Scan(?: Backward)? using|Bitmap Index Scan on) (job_\w+)", text)


def test_plans_of_staff_users_and_workers(filled: User) -> None:  # noqa: F811
    newest = Job.objects.visible().order_by("-id")[:51]
    own = Job.objects.visible().owned_by(filled).order_by("-id")[:51]
    operator = User(user_id="operator", role="operator")
    with working_as(APP):
        with acting_as(operator):
            of_staff = plan(newest)
        with acting_as(filled):
            of_user = plan(own)
    with working_as(WORKER), transaction.atomic():
        open_lane = Job.objects.startable().filter(queue="q1", lane_key=None)
        claim = plan(open_lane.order_by("-priority", "scheduled_at", "id")[:10])

    assert of_staff == plan(newest)
    assert scans(of_staff) == ["job_queue_pkey"] and "current_setting" not in of_staff
    assert scans(claim) == ["job_ready"] and "current_setting" not in claim
    # The setting is read once, and not for each row.
    assert scans(of_user) == scans(plan(own)) and "InitPlan" in of_user and "SubPlan" not in of_user, of_user

    ada = UserFactory()
    Job.objects.bulk_create(Job(job_type="note", user=ada, tags=["rare"] if n % 2 else []) for n in range(200))
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE job_queue")
    few = Job.objects.visible().owned_by(ada).order_by("-id")
    with working_as(APP), acting_as(ada):
        # PostgreSQL takes no array operator for an index before it has judged whose the rows are.
        for found in (plan(few[:51]), plan(few.filter(tags__contains=["rare"])[:51])):
            assert scans(found) == ["job_owner"], found
