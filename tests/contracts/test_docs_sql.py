"""The session of docs/sql.md, held by psql on the test database."""

import os
import subprocess

import pytest
from django.db import connection

from config.embedded import binaries
from tests.acceptance.conftest import database_url
from tests.markdown import blocks

ANSWER = "-- answers "


#: Roles belong to the server: two runs of the tests at once must not share one.
ROLE = f"map_renderer_{os.getpid()}"


@pytest.fixture
def psql(transactional_db):
    yield lambda script: subprocess.run(
        [binaries() / "psql", "-XAt", "-v", "ON_ERROR_STOP=1", "-d", database_url()],
        input=script,
        capture_output=True,
        text=True,
        timeout=60,
    )
    with connection.cursor() as cursor:
        cursor.execute("SELECT FROM pg_roles WHERE rolname = %s", [ROLE])
        if cursor.fetchone():
            cursor.execute(f"DROP OWNED BY {ROLE}; DROP ROLE {ROLE}")


def test_session_answers_what_the_page_shows(psql):
    session = "".join(block.text for block in blocks("docs/sql.md") if block.language == "sql")
    done = psql(session.replace("map_renderer", ROLE))
    assert done.returncode == 0, done.stderr
    shown = [line.removeprefix(ANSWER) for line in session.splitlines() if line.startswith(ANSWER)]
    assert done.stdout.splitlines() == shown
    assert not done.stderr
