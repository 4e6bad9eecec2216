"""Who sees whose figures."""

import pytest

from accounts.models import User
from accounts.roles import Role
from tests.analytics.api.test_reports import counted
from tests.api_client import client_of, problem, with_key
from tests.factories import UserFactory

REPORTS = ("usage", "performance", "errors", "cache", "timeseries")


@pytest.mark.parametrize("role", [Role.ADMIN, Role.OPERATOR, Role.VIEWER])
def test_staff_see_everyones(ask, trace, role):
    client = client_of(UserFactory(role=role))
    for report in REPORTS:
        assert ask(report, client=client)["totals"]["requests"] == len(trace.requests)


def test_a_user_sees_only_their_own(ask, trace):
    client = client_of(UserFactory(user_id="mei.tanaka"))
    own = trace.of(user_id="mei.tanaka")
    assert 0 < len(own) < len(trace.requests)
    for report in REPORTS:
        assert ask(report, client=client)["totals"]["requests"] == len(own), report
    for row in ask("usage", client=client)["data"]:
        assert row.items() >= counted([each for each in own if each.language_title == row["language_title"]]).items()
    failed = [each for each in own if each.failures]
    assert sum(row["errors"] for row in ask("errors", client=client)["data"]) == len(failed)
    assert sum(row["requests"] for row in ask("timeseries", client=client)["data"]) == len(own)
    assert sum(row["requests"] for row in ask("usage", client=client, by="time")["data"]) == len(own)


def test_a_user_hears_nothing_of_all_together(ask, trace):
    client = client_of(UserFactory(user_id="mei.tanaka"))
    assert "active_users" not in ask("usage", client=client)
    assert "cache" not in ask("cache", client=client)


def test_who_asked_for_nothing_sees_nothing(ask, trace):
    client = client_of(UserFactory(user_id="somebody.new"))
    for report in REPORTS:
        body = ask(report, client=client)
        assert body["totals"]["requests"] == 0
        assert not any(row["requests"] for row in body["data"] if "requests" in row)


@pytest.mark.django_db
@pytest.mark.parametrize("report", REPORTS)
def test_others_are_refused(report):
    address = f"/api/v1/analytics/{report}"
    worker: User = UserFactory(role=Role.WORKER)
    problem(client_of(worker).get(address), 403, "role-missing")
    problem(client_of(worker).get(address, {"format": "csv"}), 403, "role-missing")
    problem(with_key("ekiden_live_nobody").get(address), 401, "invalid-key")
