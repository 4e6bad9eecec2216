"""A pytest plugin that loads before the settings: one PostgreSQL for the whole run, shared by all its processes.

`TEST_DATABASE_URL` names a server to use instead. `TEST_DB_NAME` names the database, so that two runs can share
a server; `EKIDEN_TEST_DIR` gives a run a server of its own. `TEST_LOGS_DATABASE` puts the logs into a second database.
"""

import os
from contextlib import ExitStack
from pathlib import Path

import pytest

from config.embedded import VOLATILE, Location, running
from config.exceptions import StartError

DIRECTORY = Path(os.environ.get("EKIDEN_TEST_DIR") or Path(__file__).parent.parent / "var" / "test").absolute()
LOCATION = Location.below(DIRECTORY)
#: Set: a test that lacks a server or a program fails instead of being skipped.
CI = bool(os.environ.get("EKIDEN_CI"))

os.environ["EKIDEN_VAR_DIR"] = str(DIRECTORY)
# A key of whoever runs the tests must not be spent by them.
os.environ["GROQ_API_KEY"] = os.environ["ANTHROPIC_API_KEY"] = ""
# Some test may load the ASGI application, which says "web" where nothing is said.
os.environ["EKIDEN_PROCESS"] = "command"
os.environ["SECRET_KEY"] = "only-for-tests-" + "0123456789abcdef" * 4
# Whitenoise warns of a directory that is not there.
(DIRECTORY / "static").mkdir(parents=True, exist_ok=True)
# Static files as they are: the suite need not collect and compress them first.
os.environ["DEBUG"] = "true"
os.environ["DATABASE_URL"] = os.environ.get("TEST_DATABASE_URL") or LOCATION.url
#: Set: the logs and analytics are in a database of their own, and every test may use both.
LOGS_APART = bool(os.environ.get("TEST_LOGS_DATABASE"))
if LOGS_APART:
    url = os.environ["DATABASE_URL"]
    os.environ["LOGS_DATABASE_URL"] = f"{url}{'&' if '?' in url else '?'}dbname=ekiden_logs"

used = ExitStack()


def pytest_configure(config: pytest.Config) -> None:
    if os.environ.get("TEST_DATABASE_URL"):
        return
    try:
        used.enter_context(running(LOCATION, {**VOLATILE, "max_connections": "400"}))
    except StartError as exc:
        raise pytest.UsageError(str(exc)) from exc


def pytest_unconfigure(config: pytest.Config) -> None:
    used.close()
