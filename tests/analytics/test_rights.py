"""Workers own no table, and keep the figures all the same; a user's transaction sees figures of that user."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import ProgrammingError

from accounts.row_security import acting_as, acting_as_system
from analytics import chores, reports
from analytics.models import RuntimeMetrics
from analytics.partitions import alias
from analytics.periods import Period
from config.roles.declared import APP, WORKER
from jobs.chores import chores as known_chores
from tests.analytics.rows import Request, lay, roll_up, sql
from tests.database_roles import working_as
from tests.environment import LOGS_APART
from tests.factories import UserFactory

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("database_roles", "empty_logs"),
    pytest.mark.skipif(LOGS_APART, reason="not for logs in a database of their own: the roles' tests have one"),
]

YESTERDAY = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=1)


def test_a_worker_may_do_every_chore():
    chores.register()
    lay([Request(YESTERDAY, user_id="bob")])
    with working_as(WORKER):
        for name in ("roll-ups", "hourly figures", "cache readings", "daily metrics", "old metrics"):
            known_chores[name].act()
    assert RuntimeMetrics.objects.get().request_count == 1
    assert sql("SELECT total_requests FROM daily_stats_mv") == [(1,)]


def test_views_and_reports_show_what_the_asker_may_see():
    lay([Request(YESTERDAY, user_id="bob"), Request(YESTERDAY, user_id="eve")])
    roll_up(YESTERDAY + timedelta(days=1))
    sql("SELECT analytics.refresh_daily_stats()")
    day = Period.up_to(YESTERDAY, timedelta(days=1))
    bob = UserFactory(user_id="bob")
    with working_as(APP), acting_as(bob, using=alias()):
        assert sql("SELECT count(*) FROM daily_usage_stats") == [(0,)], "everyone's"
        assert reports.total(day).requests == 0
        assert reports.total(day, user_id="eve").requests == 0
        assert reports.total(day, user_id="bob").requests == 1
    with working_as(APP), acting_as_system(using=alias()):
        assert sql("SELECT total_requests, unique_users FROM daily_usage_stats") == [(2, 2)]
        assert reports.total(day).requests == 2
    with working_as(APP), pytest.raises(ProgrammingError, match="permission denied"):
        sql("SELECT * FROM daily_stats_mv")
