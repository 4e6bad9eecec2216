"""The command that shows what the database's views say."""

import json
from datetime import UTC, datetime, timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from analytics import rollups
from tests.analytics.rows import Failure, Request, lay, roll_up

pytestmark = pytest.mark.django_db

TODAY = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)


def report(*arguments: str) -> str:
    out = StringIO()
    call_command("usage_report", *arguments, stdout=out)
    return out.getvalue()


def test_use_speed_and_errors_are_those_of_the_log():
    moments = [TODAY - timedelta(days=2, hours=-n) for n in range(3)]
    lay(Request(moment, failures=[Failure("ValueError")] if moment is moments[0] else []) for moment in moments)
    roll_up(TODAY)
    told = json.loads(report("--json"))
    [day], [function], [error] = told["days"], told["functions"], told["errors"]
    assert (day["language_title"], day["total_requests"]) == ("python-summarize", 3)
    assert (function["language_title"], function["total_requests"]) == ("python-summarize", 3)
    assert (error["error_code"], error["error_count"]) == ("ValueError", 1)
    assert json.loads(report("--json", "--days", "1"))["days"] == []
    tables = report()
    assert "python-summarize" in tables and "ValueError" in tables


def test_what_is_not_rolled_up_yet_is_rolled_up_first(monkeypatch):
    asked = []
    monkeypatch.setattr(rollups, "roll_up", lambda: asked.append("roll up"))
    assert "errors: none" in report()
    assert asked == ["roll up"]


@pytest.mark.parametrize("days", ["0", "-1", "week"])
def test_wrong_days_are_one_sentence(days):
    with pytest.raises(CommandError, match="whole number above 0"):
        report(f"--days={days}")
