"""`manage.py doctor`: what it prints, how it ends, and that it can do no harm."""

import json
import os
import subprocess
import sys
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from jobs.doctor import checks, examination
from jobs.doctor.findings import critical, ok, warn
from jobs.doctor.report import lines
from jobs.models import Queue

ROOT = Path(__file__).parents[3]
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def planted(monkeypatch):
    """Have one check more: what it does, the test says."""

    def plant(look):
        globals()["planted_look"] = look
        monkeypatch.setitem(checks.checks, "planted", checks.Check("planted", f"{__name__}.planted_look", _default))

    return plant


def _default() -> str:
    return "default"


def doctor(*arguments: str) -> tuple[int, str]:
    out = StringIO()
    try:
        call_command("doctor", *arguments, stdout=out)
    except SystemExit as end:
        return int(end.code or 0), out.getvalue()
    return 0, out.getvalue()


def test_each_check_has_something_to_say():
    code, text = doctor("--json")
    told = json.loads(text)
    assert {each["check"] for each in told["findings"]} == set(checks.checks)
    assert not [each for each in told["findings"] if each["severity"] == "unknown"], text
    assert code == (told["worst"] == "critical")
    assert all(each["advice"] for each in told["findings"] if each["severity"] != "ok")


@pytest.mark.parametrize(
    ("finding", "level", "code"),
    [
        (ok("All is well."), "warn", 0),
        (warn("Hm.", "Do."), "critical", 0),
        (warn("Hm.", "Do."), "warn", 1),
        (critical("Oh.", "Do."), "critical", 1),
    ],
)
def test_the_exit_code_goes_by_the_level(planted, finding, level, code):
    planted(lambda: [finding])
    ended, text = doctor("--only", "planted", "--fail-level", level)
    assert ended == code and finding.what in text and ("→ Do." in text) is bool(finding.advice)


def test_colour_only_for_terminals():
    assert "\033[" in lines(warn("Hm.", "Do."), colour=True)[0]
    _, text = doctor("--only", "disk")
    assert "\033[" not in text


def test_a_check_that_is_not_there():
    with pytest.raises(CommandError, match="no check 'heart'"):
        doctor("--only", "heart")


def test_a_check_can_change_nothing(planted):
    planted(lambda: [ok(Queue.objects.create(name="planted").name)])
    _, text = doctor("--only", "planted")
    assert "unknown" in text and "read-only transaction" in text
    assert not Queue.objects.filter(name="planted").exists()


def test_a_check_without_the_right_names_the_grant(planted):
    def look():
        connection.cursor().execute("SET LOCAL ROLE pg_signal_backend; SELECT * FROM pg_authid")
        yield ok("seen")

    planted(look)
    _, text = doctor("--only", "planted")
    assert "may not look: permission denied" in text and "GRANT pg_monitor TO" in text


def test_a_check_that_takes_too_long_is_ended(planted, monkeypatch):
    monkeypatch.setattr(examination, "_BOUNDS", examination._BOUNDS.replace("'2s'", "'50ms'"))

    def sleep():
        connection.cursor().execute("SELECT pg_sleep(60)")
        yield ok("awake")

    planted(sleep)
    _, text = doctor("--only", "planted,disk")
    assert "It took longer than" in text and "are free below" in text


def test_a_database_that_is_away_is_said_in_one_sentence():
    environment = {**os.environ, "DATABASE_URL": "postgresql://nobody@127.0.0.1:1/nothing", "SECRET_KEY": "x" * 60}
    ended = subprocess.run(
        [sys.executable, "-W", "ignore", "manage.py", "doctor"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert ended.returncode == 1 and not ended.stdout
    assert ended.stderr.startswith("CommandError: The database default does not answer: ")
    assert ended.stderr.count("\n") == 1
