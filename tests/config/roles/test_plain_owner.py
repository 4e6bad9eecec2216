"""A database whose owner is no superuser, on a fresh server of the oldest and of the newest kind."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import psycopg
import pytest
from django.conf import settings

from config.embedded import VOLATILE, Location, running
from tests import debian_postgresql

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]

OWNER = {"user": "plain", "dbname": "owned"}


@pytest.fixture(params=["PostgreSQL 15", "PostgreSQL 18"])
def server(request: pytest.FixtureRequest) -> Iterator[dict[str, str]]:
    """Give what libpq needs to reach a server on which everybody is believed."""
    if sys.version_info[:2] != (3, 11):
        pytest.skip("not for this Python: what the servers do is tried once, with 3.11")
    if request.param == "PostgreSQL 15":
        with debian_postgresql.running() as server:
            yield {"host": str(server.home)}
    else:
        with tempfile.TemporaryDirectory(prefix="ekiden-test-") as name:
            Path(name).chmod(0o755)
            with running(Location.below(Path(name)), VOLATILE) as location:
                yield {name: location.connection[name] for name in ("host", "port")}


@pytest.fixture
def owned(server: dict[str, str]) -> dict[str, str]:
    with psycopg.connect(**server, user="postgres", dbname="postgres", autocommit=True) as admin:
        admin.execute("CREATE ROLE plain LOGIN")
        admin.execute("CREATE DATABASE owned OWNER plain")
    return {**server, **OWNER}


def manage(database: dict[str, str], *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=settings.BASE_DIR,
        env={**os.environ, "DATABASE_URL": f"postgresql:///?{urlencode(database)}", **environment},
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )


def test_roles_are_made_by_an_owner_who_may_create_roles(owned: dict[str, str], server: dict[str, str]) -> None:
    assert manage(owned, "migrate", "-v0").returncode == 0
    refused = manage(owned, "setup_roles")
    assert refused.returncode == 1
    assert refused.stderr.strip().endswith("plain may not create it: it lacks CREATEROLE.")
    with psycopg.connect(**server, user="postgres", dbname="postgres", autocommit=True) as admin:
        admin.execute("ALTER ROLE plain CREATEROLE")
    made = manage(owned, "setup_roles", APP_DB_PASSWORD="open sesame")
    assert made.returncode == 0, made.stderr
    assert "CREATE ROLE ekiden_app" in made.stdout
    assert "ekiden_backup lacks BYPASSRLS" in made.stderr and "WORKER_DB_PASSWORD is not set" in made.stderr
    again = manage(owned, "setup_roles")
    assert "The roles are as they should be." in again.stdout, again.stdout + again.stderr

    # As `manage.py up` lets its processes work: the owner logs in, and is not the owner.
    with psycopg.connect(**owned, options="-c role=ekiden_app", autocommit=True) as app:
        app.execute("SELECT act_as('ada', NULL, 'operator')")
        with app.transaction():
            app.execute("SELECT act_as('ada', NULL, 'operator')")
            assert role(app) == "ekiden_operator"
            with app.transaction():
                app.execute("SELECT act_as('ada', NULL, 'user')")
                assert role(app) == "ekiden_app"
        assert role(app) == "ekiden_app"
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            app.execute("ALTER TABLE job_queue DISABLE ROW LEVEL SECURITY")
    with psycopg.connect(**{**owned, "user": "ekiden_app"}) as app:
        assert role(app) == "ekiden_app"
    with pytest.raises(psycopg.OperationalError, match="not permitted to log in"):
        psycopg.connect(**{**owned, "user": "ekiden_worker"})

    # The owner sees all rows although the security is forced on it; a web process of its own is refused.
    with psycopg.connect(**owned) as owner:
        owner.execute("INSERT INTO job_queue (job_type) VALUES ('note')")
        assert owner.execute("SELECT count(*), row_security_active('job_queue') FROM job_queue").fetchone() == (1, True)
    refused = manage(owned, "check", "--database", "default", EKIDEN_PROCESS="web")
    assert refused.returncode == 1 and "plain owns the tables" in refused.stderr
    let_in = manage(owned, "check", "--database", "default", EKIDEN_PROCESS="web", DATABASE_ROLE="ekiden_app")
    assert let_in.returncode == 0, let_in.stderr


def role(connection: psycopg.Connection[Any]) -> str:
    row = connection.execute("SELECT current_user::text").fetchone()
    assert row is not None
    return str(row[0])
