import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction
from math import floor

import pytest
from django.db import connection
from django.db.models import F
from django.test import RequestFactory
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accounts import rate_limits
from accounts.models import RateLimitWindow
from tests.api_client import client_of, problem
from tests.factories import UserFactory

pytestmark = pytest.mark.django_db

ME = "/api/v1/me"


def age(key, seconds):
    """Make what was counted so much older."""
    RateLimitWindow.objects.filter(key=key).update(slot=F("slot") - seconds)


def accepted(key, limit, times):
    return sum(rate_limits.spend(key, limit).accepted for _ in range(times))


def test_exactly_the_limit_is_accepted():
    decisions = [rate_limits.spend("k", 3) for _ in range(5)]
    assert [d.accepted for d in decisions] == [True, True, True, False, False]
    assert [d.remaining for d in decisions] == [2, 1, 0, 0, 0]
    assert all(1 <= d.reset_after <= 61 for d in decisions)


def test_no_sixty_seconds_hold_more_than_the_limit_wherever_they_begin():
    assert accepted("k", 10, 10) == 10
    # Up to 54 seconds of 61, so that some may really pass.
    for _ in range(6):
        age("k", 9)
        assert accepted("k", 10, 1) == 0
    age("k", 7)
    assert accepted("k", 10, 20) == 10


def test_the_allowance_comes_back_bit_by_bit():
    assert accepted("k", 10, 6) == 6
    age("k", 40)
    assert accepted("k", 10, 10) == 4
    age("k", 21)
    assert accepted("k", 10, 10) == 6


def test_waiting_as_long_as_told_is_enough():
    accepted("k", 5, 5)
    refused = rate_limits.spend("k", 5)
    assert not refused.accepted
    age("k", refused.reset_after)
    assert rate_limits.spend("k", 5).accepted


def test_a_lowered_limit_tells_when_enough_has_run_out():
    accepted("k", 10, 8)
    age("k", 30)
    accepted("k", 10, 2)
    refused = rate_limits.spend("k", 2)
    assert refused.reset_after > 55
    age("k", 31)
    assert not rate_limits.spend("k", 2).accepted
    age("k", refused.reset_after - 31)
    assert rate_limits.spend("k", 2).accepted


def test_refused_requests_do_not_use_anything_up():
    accepted("k", 3, 50)
    age("k", 61)
    assert accepted("k", 3, 10) == 3


def test_a_clock_set_back_gives_nothing_away():
    accepted("k", 3, 3)
    age("k", -100)
    assert accepted("k", 3, 10) == 0


def test_keys_do_not_share():
    assert accepted("a", 2, 5) == accepted("b", 2, 5) == 2


def test_the_table_is_unlogged():
    with connection.cursor() as cursor:
        cursor.execute("SELECT relpersistence FROM pg_class WHERE oid = 'rate_limit_windows'::regclass")
        assert cursor.fetchone() == ("u",)


def test_old_windows_are_pruned_and_young_ones_kept():
    accepted("old", 1, 1)
    accepted("young", 1, 1)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE rate_limit_windows SET touched_at = now() - interval '11 minutes' WHERE key = 'old'")
    assert rate_limits.prune() == 1
    assert list(RateLimitWindow.objects.values_list("key", flat=True)) == ["young"]


def burst(key, limit, size, times):
    return sum(rate_limits.spend(key, limit, size).accepted for _ in range(times))


def test_a_burst_goes_above_the_limit_once_and_is_paid_back():
    # Six a minute, so that a second or two that really pass pay nothing back.
    assert burst("k", 6, 3, 20) == 9
    age("k", 61)
    assert burst("k", 6, 3, 20) == 6, "the window is empty, and a minute has paid back six of the nine"
    age("k", 61)
    assert burst("k", 6, 3, 20) == 6
    age("k", 91)
    assert burst("k", 6, 3, 20) == 9, "a minute and a half have paid back all"


def test_waiting_as_long_as_told_is_enough_while_a_burst_is_paid_back():
    burst("k", 10, 5, 20)
    age("k", 61)
    assert burst("k", 10, 5, 20) == 10
    refused = rate_limits.spend("k", 10, 5)
    assert (refused.accepted, refused.remaining) == (False, 0)
    assert refused.reset_after <= 6, "the window has room; six seconds pay back one"
    age("k", refused.reset_after)
    assert rate_limits.spend("k", 10, 5).accepted


class Model:
    """The two rules in words: what any 61 slots hold, and what is owed."""

    def __init__(self, limit, size):
        self.limit, self.most = limit, limit + size
        self.second, self.accepted, self.debt = 0, [], Fraction(0)

    def wait(self, seconds):
        self.second += seconds
        self.debt = max(Fraction(0), self.debt - Fraction(seconds * self.limit, 60))

    def spend(self):
        in_window = sum(at > self.second - 61 for at in self.accepted)
        fits = in_window < self.most and self.debt <= self.most - 1
        if fits:
            self.accepted.append(self.second)
            self.debt += 1
        return fits, max(0, min(self.most - in_window - fits, floor(self.most - self.debt)))


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    limit=st.integers(1, 20),
    size=st.integers(0, 10),
    steps=st.lists(st.tuples(st.integers(0, 90), st.integers(1, 12)), max_size=12),
)
def test_any_course_of_requests_is_judged_as_the_model_says(db, limit, size, steps):
    RateLimitWindow.objects.all().delete()
    model, slot = Model(limit, size), None
    for seconds, times in steps:
        age("k", seconds)
        slot = slot and slot - seconds
        for _ in range(times):
            decision = rate_limits.spend("k", limit, size)
            now = RateLimitWindow.objects.get(key="k").slot
            # What was made older, and what the real clock went on by.
            model.wait(now - (slot or now))
            slot = now
            assert (decision.accepted, decision.remaining) == model.spend()
    for second in set(model.accepted):
        assert sum(second <= at < second + 60 for at in model.accepted) <= limit + size


HAMMER = """
import json, sys, psycopg
with psycopg.connect(**json.loads(sys.argv[1]), autocommit=True) as connection:
    sys.stdin.readline()
    spend = "SELECT accepted FROM spend_rate_limit('hot', 100, 10)"
    print(sum(connection.execute(spend).fetchone()[0] for _ in range(50)))
"""


@pytest.mark.django_db(transaction=True)
def test_ten_processes_at_once_accept_the_limit_and_the_burst_and_nothing_more():
    known = ("dbname", "user", "password", "host", "port")
    parameters = json.dumps({k: v for k, v in connection.get_connection_params().items() if k in known and v})
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", HAMMER, parameters], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for _ in range(10)
    ]
    for process in processes:
        process.stdin.write("\n")
        process.stdin.flush()
    counts = [int(process.communicate(timeout=60)[0]) for process in processes]
    assert sum(counts) == 110


@pytest.mark.django_db(transaction=True)
def test_many_requests_at_once_through_the_api_are_held_to_the_users_limit_and_the_burst(settings):
    settings.RATE_LIMIT_BURST_SIZE = 5
    client = client_of(UserFactory(rate_limit_per_minute=20))

    def request(_):
        try:
            return client.get(ME).status_code
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        statuses = list(pool.map(request, range(60)))
    assert (statuses.count(200), statuses.count(429)) == (25, 35)


@pytest.fixture
def no_burst(settings):
    settings.RATE_LIMIT_BURST_SIZE = 0


def test_the_answer_says_what_is_left_with_the_burst(settings):
    settings.RATE_LIMIT_BURST_SIZE = 3
    client = client_of(UserFactory(rate_limit_per_minute=2))
    answers = [client.get(ME) for _ in range(6)]
    assert [answer.status_code for answer in answers] == [200] * 5 + [429]
    assert {answer["RateLimit-Policy"] for answer in answers} == {'"per-minute";q=5;w=60;ekiden-average=2'}
    left = [answer["RateLimit"].partition(";t=")[0] for answer in answers]
    assert left == [f'"per-minute";r={n}' for n in (4, 3, 2, 1, 0, 0)]
    assert answers[0].json()["rate_limit"].items() >= {"limit": 2, "burst": 3, "remaining": 4}.items()


def test_the_answer_says_what_is_left_and_how_long_to_wait(no_burst):
    client = client_of(UserFactory(rate_limit_per_minute=2))
    first = client.get(ME)
    assert first["RateLimit-Policy"] == '"per-minute";q=2;w=60'
    assert first["RateLimit"].startswith('"per-minute";r=1;t=')
    client.get(ME)
    response = client.get(ME)
    body = problem(response, 429, "rate-limit-exceeded")
    assert body["type"] == "https://iana.org/assignments/http-problem-types#quota-exceeded"
    assert body["violated-policies"] == ["per-minute"]
    assert 1 <= int(response["Retry-After"]) <= 61
    assert response["RateLimit"].startswith('"per-minute";r=0;t=')


def test_users_have_their_own_allowance(no_burst):
    hungry, modest = client_of(UserFactory(rate_limit_per_minute=1)), client_of(UserFactory(rate_limit_per_minute=1))
    hungry.get(ME)
    assert hungry.get(ME).status_code == 429
    assert modest.get(ME).status_code == 200


@pytest.mark.parametrize(
    ("proxies", "forwarded", "remote", "network"),
    [
        (0, "1.2.3.4", "192.0.2.1", "192.0.2.1"),
        (1, "6.6.6.6, 1.2.3.4", "192.0.2.1", "1.2.3.4"),
        (2, "6.6.6.6, 1.2.3.4, 5.6.7.8", "192.0.2.1", "1.2.3.4"),
        (1, "", "192.0.2.1", "192.0.2.1"),
        (1, "no address", "192.0.2.1", "unknown"),
        (0, "", "2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        (0, "", "fe80::1%eth0", "fe80::/64"),
        (0, "", "", "unknown"),
    ],
)
def test_where_a_request_comes_from(settings, proxies, forwarded, remote, network):
    settings.REST_FRAMEWORK = {**settings.REST_FRAMEWORK, "NUM_PROXIES": proxies}
    extra = {"HTTP_X_FORWARDED_FOR": forwarded} if forwarded else {}
    assert rate_limits.client_network(RequestFactory().get("/", REMOTE_ADDR=remote, **extra)) == network
