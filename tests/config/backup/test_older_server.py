"""PostgreSQL 15, Debian's: its own programs are chosen before those of the wheel, and a newer back-up is refused."""

import json

import pytest

from config.backup.manifest import MANIFEST, Manifest, archive, seal
from tests.debian_postgresql import running

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]


@pytest.fixture(scope="module")
def server():
    with running() as server:
        server.create_database("full")
        server.create_database("empty")
        server.create_database("refusing")
        yield server


def manage(server, dbname, *arguments):
    done = server.manage(dbname, *arguments)
    return done.returncode, done.stdout + done.stderr


def test_there_and_back_on_the_oldest_server(server, tmp_path):
    assert manage(server, "full", "migrate", "-v0") == (0, "")
    code, said = manage(server, "full", "backup", "--output", str(tmp_path))
    assert code == 0, said
    [made] = tmp_path.iterdir()
    told = Manifest.read(made).databases["default"]
    assert (told.server_major, told.programs_major) == (15, 15)
    code, said = manage(server, "empty", "restore", str(made))
    assert code == 0 and f"{len(told.tables)} tables, {told.rows} rows, all as they were" in said, said

    manifest = json.loads((made / MANIFEST).read_text())
    manifest["databases"]["default"]["server_major"] = 18
    (made / MANIFEST).write_text(json.dumps(manifest))
    seal(made, [MANIFEST, archive("default")])
    code, said = manage(server, "refusing", "restore", str(made))
    assert code == 1 and "The back-up is of PostgreSQL 18, and this server is older: 15." in said
