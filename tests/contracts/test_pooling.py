"""The rules hold when connections are shared: by Django's own pool, and by PgBouncer in transaction mode."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from urllib.request import Request, urlopen

import psycopg
import pytest

from accounts import keys
from accounts.models import User
from config.roles.declared import APP
from jobs.models import Job
from tests import pgbouncer, web_process
from tests.acceptance.stage import wait_until
from tests.database_roles import parameters
from tests.factories import UserFactory
from tests.jobs.api.test_waiting_served import is_up

ROOT = Path(__file__).resolve().parents[2]
#: What asks and changes the most, and waits the least.
API_TESTS = (
    "tests/accounts/api",
    *(f"tests/jobs/api/test_{name}.py" for name in ("jobs", "bulk", "sessions")),
)

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("database_roles")]


@pytest.fixture(scope="module")
def bouncer(database_roles: None) -> Iterator[dict[str, str]]:
    with pgbouncer.running() as where:
        yield where


@pytest.fixture
def own_database() -> Iterator[str]:
    name = f"{os.environ.get('TEST_DB_NAME', 'test_ekiden')}_pooled"
    with psycopg.connect(**parameters(dbname="postgres"), autocommit=True) as admin:
        admin.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
        yield name
        admin.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')


@pytest.mark.timeout(300)
def test_the_api_works_through_pgbouncer_with_the_rights_of_the_web_process(
    bouncer: dict[str, str], own_database: str
) -> None:
    if sys.version_info[:2] != (3, 11):
        pytest.skip("not for this Python: what PgBouncer does is tried once, with 3.11")
    url = f"postgresql://postgres@/postgres?{urlencode(bouncer)}"
    done = subprocess.run(
        # Its connections would keep the database from being dropped: that is done past it.
        [*(sys.executable, "-m", "pytest", "-q", "-x", "--reuse-db", "-p", "tests.through_pooler"), *API_TESTS],
        cwd=ROOT,
        env={**os.environ, "TEST_DATABASE_URL": url, "TEST_DB_NAME": own_database},
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    assert " passed" in done.stdout


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("pooler", ["django", "pgbouncer"])
def test_nobody_sees_what_the_one_before_them_saw(bouncer: dict[str, str], tmp_path: Path, pooler: str) -> None:
    """Users and an operator take turns on a few connections; the web process has the rights of the app alone."""
    people = [UserFactory(user_id=name) for name in ("ada", "bob", "eve")] + [UserFactory(role="operator")]
    for user in people[:3]:
        Job.objects.create(job_type="note", user=user)
    where = parameters(user=APP, **(bouncer if pooler == "pgbouncer" else {}))
    where.pop("password", None)
    url = f"postgresql:///?{urlencode(where)}"
    with web_process.running(
        "config.asgi:application", tmp_path / "log", DATABASE_URL=url, DATABASE_POOL_SIZE="3"
    ) as port:
        wait_until(lambda: is_up(port))
        keyed = [(user, keys.issue(user)) for user in people]
        with ThreadPoolExecutor(8) as threads:
            answers = list(threads.map(lambda pair: owners(port, pair[1]), keyed * 15))
    everyone = {user.user_id for user in people[:3]}
    for (user, _), seen in zip(keyed * 15, answers, strict=True):
        assert seen == (everyone if user.role == "operator" else {user.user_id})


def owners(port: int, key: str) -> set[str]:
    request = Request(f"http://127.0.0.1:{port}/api/v1/jobs?fields=user_id", headers={"Authorization": f"Bearer {key}"})
    with urlopen(request, timeout=60) as response:
        body: Any = json.load(response)
    return {job["user_id"] for job in body["data"]}


@pytest.mark.django_db(transaction=True)
def test_the_owners_of_the_rows_are_known_by_name(bouncer: dict[str, str]) -> None:
    """Through PgBouncer a session begins with the settings of its role, which it cannot be given by the client."""
    with psycopg.connect(**parameters(user=APP, **bouncer), prepare_threshold=None) as app:
        assert app.execute("SHOW search_path").fetchone() == ("public, meta, analytics",)
        assert app.execute("SHOW lock_timeout").fetchone() == ("15s",)
        assert not User.objects.exists()
