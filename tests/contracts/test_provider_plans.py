"""However many calls to providers there were, none of them is walked over to make another one."""

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from django.db import connection, transaction
from django.utils import timezone

from accounts.models import User
from accounts.uuid7 import first_uuid7
from jobs.ai import circuits, slots, spending
from jobs.ai.tidying import tidy
from jobs.models import DailySpend, ProviderCall, ProviderDay
from tests.contracts.plans import Plan, plans_of

pytestmark = [pytest.mark.slow, pytest.mark.django_db]

_CALLS = """INSERT INTO ai_calls (id, provider, purpose, outcome, day, expires_at)
SELECT ekiden_uuid7(), 'groq', 'summary', CASE WHEN n % 250 = 0 THEN 'running' ELSE 'answered' END, now(),
       now() + (n - 500) * interval '1 second' FROM generate_series(1, 5000) n"""
_SPEND = """INSERT INTO ai_daily_spend (user_id, day, amount)
SELECT id, current_date - n, 0 FROM users CROSS JOIN generate_series(0, 29) n"""
_DAYS = """INSERT INTO ai_provider_days (day, provider, outcome)
SELECT current_date - n, p, o FROM generate_series(0, 999) n, unnest(ARRAY['groq', 'claude']) p,
       unnest(ARRAY['answered', 'failed']) o"""
_TABLES = ("ai_calls", "ai_daily_spend", "ai_provider_days")


@pytest.fixture(scope="module")
def history(django_db_setup: None, django_db_blocker: Any) -> Iterator[None]:
    with django_db_blocker.unblock(), transaction.atomic(), connection.cursor() as cursor:
        User.objects.bulk_create([User(user_id=f"plan{number}") for number in range(500)])
        for sql in (_CALLS, _SPEND, _DAYS):
            cursor.execute(sql)
        cursor.execute(f"ANALYZE {', '.join(_TABLES)}")
        yield
        transaction.set_rollback(True)


def used(plans: list[Plan]) -> set[str]:
    for plan in plans:
        assert not plan.read_whole() & set(_TABLES), plan.root
    return {name for plan in plans for table in _TABLES for name in plan.indexes(table)}


def user() -> UUID:
    pk = DailySpend.objects.values_list("user_id", flat=True).first()
    assert pk is not None
    return pk


def settle() -> None:
    call = ProviderCall.objects.filter(outcome="running").order_by("expires_at").last()
    assert call is not None
    values = {"input_tokens": 1, "output_tokens": 1, "seconds": 1.0}
    spending.settle(call.pk, outcome="answered", error_code="", cost=Decimal(0), **values)


@pytest.mark.usefixtures("history")
def test_what_a_user_spends_is_one_row() -> None:
    pk = user()
    assert used(plans_of(lambda: spending.reserve(pk, Decimal("0.1")))) == {"ai_daily_spend_once"}


@pytest.mark.usefixtures("history")
def test_a_call_is_settled_by_its_keys() -> None:
    found = used(plans_of(settle))
    assert {"ai_calls_pkey", "ai_daily_spend_once", "ai_provider_days_pkey"} <= found
    assert found <= {"ai_calls_pkey", "ai_daily_spend_once", "ai_provider_days_pkey", "ai_call_running"}


@pytest.mark.usefixtures("history")
def test_lost_calls_are_found_among_those_that_run() -> None:
    plans = plans_of(spending.settle_lost)
    assert "ai_call_running" in plans[0].indexes("ai_calls") and not plans[0].read_whole()


@pytest.mark.usefixtures("history")
def test_old_calls_and_days_are_found_by_their_keys() -> None:
    old = first_uuid7(timezone.now() - timedelta(days=90))
    rows = ProviderCall.objects.filter(pk__lt=old).exclude(outcome="running").order_by("pk")
    (plan,) = plans_of(lambda: list(rows.values_list("pk", flat=True)[:1000]))
    assert plan.indexes("ai_calls") == {"ai_calls_pkey"} and not plan.sorts()
    assert "ai_daily_spend_once" in used(plans_of(lambda: DailySpend.objects.filter(day__lt="2020-01-01").delete()))
    assert tidy() >= 0


@pytest.mark.usefixtures("history")
def test_todays_figures_are_found_by_their_day() -> None:
    today = ProviderDay.objects.filter(day=timezone.now().date(), provider="groq")
    (plan,) = plans_of(lambda: list(today.order_by("outcome")))
    assert plan.indexes("ai_provider_days") == {"ai_provider_days_pkey"}


@pytest.mark.usefixtures("history")
def test_admission_reads_neither_calls_nor_days() -> None:
    def admit() -> None:
        circuits.admit("groq", 60)
        slots._free(10)

    assert used(plans_of(admit)) == set()
