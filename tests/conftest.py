"""What every test may use."""

from collections.abc import Generator
from typing import Any

import pytest
from django.apps import apps
from django.contrib.auth.hashers import PBKDF2PasswordHasher
from django.db import connections, router
from django.test import override_settings

from tests.database_roles import database_roles, handlers_as_app  # noqa: F401 (fixtures)
from tests.environment import CI, LOGS_APART
from tests.search_server import faulty_engine, search_engine, search_url  # noqa: F401 (fixtures)

#: What applications may use in their tests.
pytest_plugins = ["jobs.pytest_plugin"]

#: A skip that starts so is meant, in CI too: the thing cannot exist there.
LAWFUL_SKIP = "not for "


def _refuse_skip(report: pytest.TestReport | pytest.CollectReport) -> None:
    """In CI every server and every program is there: whoever skips has not looked for it in the right place."""
    if not CI or not report.skipped or hasattr(report, "wasxfail"):
        return
    reason = str(report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr)
    reason = reason.removeprefix("Skipped: ")
    if not reason.startswith(LAWFUL_SKIP):
        report.outcome = "failed"
        report.longrepr = f"skipped in CI, where nothing may be missing: {reason}"


@pytest.fixture(autouse=True)
def recorded_rows(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Keep the request log of this process quiet: its thread would write what tests roll back, and outlive them."""
    from analytics.recorder import recorder

    rows: list[Any] = []
    monkeypatch.setattr(recorder, "add", rows.extend)
    return rows


@pytest.fixture(autouse=True)
def fair_queues_known(monkeypatch: pytest.MonkeyPatch) -> None:
    """Submit jobs without asking every few seconds which queues are fair: none is, until a test configures one."""
    from jobs import lanes

    monkeypatch.setattr(lanes, "_fair", frozenset())
    monkeypatch.setattr(lanes, "_fresh_until", float("inf"))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    _refuse_skip(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    report = yield
    _refuse_skip(report)
    return report


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> Generator[None]:
    """Put what drives a browser last, and what shares something dear into one process.

    Playwright keeps an event loop running in the main thread until the end, and whatever wants one of its own fails
    from then on. A server, or a history of 100,000 rows, that a file's tests share would be made in every process.
    """
    for item in items:
        if _shares(item) and not _drives_browser(item):
            item.add_marker(pytest.mark.xdist_group(item.nodeid.partition("::")[0]))
    if LOGS_APART:
        for item in items:
            _allow_both_databases(item)
    yield
    # After all others have had their say on the order.
    items.sort(key=_drives_browser)


def _drives_browser(item: pytest.Item) -> bool:
    return "playwright" in getattr(item, "fixturenames", ())


def _shares(item: pytest.Item) -> bool:
    fixtures = getattr(item, "_fixtureinfo").name2fixturedefs.values()  # noqa: B009 - pytest has no public way to it
    return any(definitions[-1].scope == "module" for definitions in fixtures)


def _allow_both_databases(item: pytest.Item) -> None:
    """Give a test that may use the database the one of the logs as well, as code finds them together."""
    marker = item.get_closest_marker("django_db")
    if marker or {"db", "transactional_db"} & set(getattr(item, "fixturenames", ())):
        wanted = {**marker.kwargs} if marker else {}
        item.add_marker(pytest.mark.django_db(**{**wanted, "databases": "__all__"}), append=False)


@pytest.fixture(autouse=True)
def _nothing_known_of_functions() -> None:
    """What one test has put into the catalogue and rolled back is not there for the next."""
    from jobs import catalogue

    catalogue.forget()


@pytest.fixture(autouse=True)
def _no_logs_are_left(request: pytest.FixtureRequest) -> Generator[None]:
    """The logs' tables are made in SQL, so Django does not empty them after tests that commit."""
    marker = request.node.get_closest_marker("django_db")
    commits = bool(marker and marker.kwargs.get("transaction"))
    if not commits and not {"transactional_db", "live_server"} & set(request.fixturenames):
        yield
        return
    request.getfixturevalue("transactional_db")
    yield
    with connections[router.db_for_write(apps.get_model("analytics", "RequestLog"))].cursor() as cursor:
        # Tests of migrations take the tables away. Nothing to delete costs less than TRUNCATE.
        cursor.execute("SELECT FROM pg_class WHERE oid = to_regclass('public.request_logs')")
        if cursor.fetchone() is not None:
            cursor.execute("DELETE FROM public.error_logs")
            cursor.execute("DELETE FROM public.request_logs")
            # What tests with logs of long ago had made.
            cursor.execute("SELECT drop_old_partitions(0)")


class _QuickPasswords(PBKDF2PasswordHasher):
    """The real hash, made once instead of a million times: other processes can check it too."""

    iterations = 1


@pytest.fixture(autouse=True, scope="session")
def _passwords_cost_nothing() -> Generator[None]:
    with override_settings(PASSWORD_HASHERS=[f"{__name__}.{_QuickPasswords.__name__}"]):
        yield
