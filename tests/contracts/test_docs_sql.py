"""The session of docs/sql.md, held by psql on the test database."""

import subprocess

import pytest
from django.db import connection

from config.embedded import binaries
from tests.acceptance.conftest import database_url
from tests.markdown import blocks

ANSWER = "-- answers "


@pytest.fixture
def psql(transactional_db):
    yield lambda script: subprocess.run(
        [binaries() / "psql", "-XAt", "-v", "ON_ERROR_STOP=1", "-d", database_url()],
        input=script,
        capture_output=True,
        text=True,
        timeout=60,
    )
    # Roles belong to the server, not to the database that is emptied after each test.
    with connection.cursor() as cursor:
        cursor.execute("SELECT FROM pg_roles WHERE rolname = 'map_renderer'")
        if cursor.fetchone():
            cursor.execute("DROP OWNED BY map_renderer; DROP ROLE map_renderer")


def test_session_answers_what_the_page_shows(psql):
    session = "".join(block.text for block in blocks("docs/sql.md") if block.language == "sql")
    done = psql(session)
    assert done.returncode == 0, done.stderr
    shown = [line.removeprefix(ANSWER) for line in session.splitlines() if line.startswith(ANSWER)]
    assert done.stdout.splitlines() == shown
    assert not done.stderr
