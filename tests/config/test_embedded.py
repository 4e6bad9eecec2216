import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import psycopg
import pytest

from config import account, embedded
from config.embedded import VOLATILE, Location, Server, running
from config.exceptions import DatabaseNotStarted

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
HOLDER = """
import sys
from pathlib import Path
from config.embedded import VOLATILE, Location, running
with running(Location(Path(sys.argv[1])), VOLATILE):
    print("up", flush=True)
    sys.stdin.readline()
"""


@pytest.fixture
def location(open_directory):
    return Location(open_directory / "postgres")


def answer(location: Location, statement: str):
    with psycopg.connect(location.url) as connection:
        return connection.execute(statement).fetchone()[0]


def write_note(location: Location, text: str) -> None:
    with psycopg.connect(location.url) as connection:
        connection.execute("CREATE TABLE note (text text)")
        connection.execute("INSERT INTO note VALUES (%s)", [text])


def holder(location: Location) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(location.home)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )
    assert process.stdout is not None and process.stdout.readline() == "up\n"
    return process


def test_starts_as_promised_and_stops(location):
    with running(location):
        assert answer(location, "SHOW server_version").startswith("18.")
        assert answer(location, "SHOW listen_addresses") == ""
        assert answer(location, "SHOW max_connections") == "200"
        assert answer(location, "SHOW fsync") == "on"
        assert answer(location, "SHOW TimeZone") == "UTC"
        assert answer(location, "SELECT lower('ÀÉ') || upper('ñ')") == "àéÑ"
        assert Server(location, {}).pid() is not None
    assert Server(location, {}).pid() is None
    assert not (location.data / "postmaster.pid").exists()


def test_never_runs_as_root_and_keeps_others_out(location):
    with running(location, VOLATILE):
        process = psutil.Process(Server(location, {}).pid())
        assert process.uids().effective == account.service_account().uid != 0
        assert location.home.stat().st_mode & 0o077 == 0
        assert location.sockets.stat().st_mode & 0o077 == 0


def test_second_start_finds_the_data(location):
    with running(location, VOLATILE):
        write_note(location, "駅伝")
    with running(location, VOLATILE):
        assert answer(location, "SELECT text FROM note") == "駅伝"


def test_last_one_out_stops_the_server(location):
    with running(location, VOLATILE):
        other = holder(location)
        pid = Server(location, {}).pid()
    assert Server(location, {}).pid() == pid
    other.communicate("done\n", timeout=30)
    assert other.returncode == 0
    assert Server(location, {}).pid() is None


def test_server_left_by_a_killed_process_is_used_again(location):
    killed = holder(location)
    pid = Server(location, {}).pid()
    killed.send_signal(signal.SIGKILL)
    killed.communicate()
    with running(location, VOLATILE):
        assert Server(location, {}).pid() == pid
    assert Server(location, {}).pid() is None


def test_crashed_server_starts_again_with_its_data(location):
    with running(location):
        write_note(location, "committed")
        postmaster = psutil.Process(Server(location, {}).pid())
        everyone = [postmaster, *postmaster.children()]
        for process in everyone:
            process.kill()
        psutil.wait_procs(everyone, timeout=30)
        with running(location):
            assert answer(location, "SELECT text FROM note") == "committed"


def test_pid_file_that_names_somebody_else_is_no_obstacle(location):
    with running(location, VOLATILE):
        pass
    (location.data / "postmaster.pid").write_text(f"{os.getpid()}\n{location.data}\n1\n5432\n\n\n\nready\n")
    with running(location, VOLATILE):
        assert answer(location, "SELECT 1") == 1


def test_data_of_another_major_version_is_left_alone(location):
    location.data.mkdir(parents=True)
    (location.data / "PG_VERSION").write_text("15\n")
    with (
        pytest.raises(DatabaseNotStarted, match="by PostgreSQL 15 and this is PostgreSQL 18"),
        running(location),
    ):
        pass
    assert (location.data / "PG_VERSION").read_text() == "15\n"


def test_interrupted_first_start_is_made_good(location):
    (location.home / "data.new" / "base").mkdir(parents=True)
    with running(location, VOLATILE):
        assert answer(location, "SELECT 1") == 1
    assert not (location.home / "data.new").exists()


def test_full_disk_is_a_sentence(location, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda path: shutil._ntuple_diskusage(1, 1, 20 << 20))
    with pytest.raises(DatabaseNotStarted, match=r"is full .*20 MB are free and 120 MB are needed"), running(location):
        pass


def test_disk_that_fills_up_later_is_a_sentence(location):
    said = 'FATAL:  could not write to file "pg_wal/xlogtemp.7": No space left on device'
    assert "is full" in embedded._reason(said, location)


def test_damaged_data_is_a_sentence_that_names_the_log(location):
    with running(location, VOLATILE):
        pass
    (location.data / "global" / "pg_control").write_bytes(b"")
    with pytest.raises(DatabaseNotStarted, match=r"server\.log") as refusal, running(location, VOLATILE):
        pass
    assert "\n" not in str(refusal.value)


def test_directory_of_another_user_is_a_sentence(tmp_path):
    stranger = account.ServiceAccount(tmp_path.stat().st_uid + 1, 0, lent=False)
    with pytest.raises(DatabaseNotStarted, match=f"belongs to user id {tmp_path.stat().st_uid}: run Ekiden as"):
        stranger.own(tmp_path)


def test_place_that_cannot_be_made_is_a_sentence(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(DatabaseNotStarted, match="Not a directory"), running(Location(tmp_path / "file" / "postgres")):
        pass


def test_long_path_puts_the_socket_in_a_short_place(location):
    deep = Location(location.home / ("very-long-name-" * 5) / "postgres")
    assert deep.sockets.parent != deep.home
    assert len(os.fsencode(deep.sockets)) < 60
    with running(deep, VOLATILE):
        assert answer(deep, "SELECT 1") == 1


@pytest.mark.parametrize("name", ["it's a b%c", 'a,b"c'])
def test_awkward_characters_in_the_path_reach_the_server(location, name):
    odd = Location(location.home / name)
    with running(odd, VOLATILE):
        assert answer(odd, "SELECT 1") == 1


@pytest.mark.skipif(os.geteuid() != 0, reason="not for ordinary users: only root lends the server")
def test_root_with_a_closed_directory_keeps_the_data_elsewhere(tmp_path, monkeypatch):
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    shared = Path("/var/lib") / f"ekiden-test-{os.getpid()}"
    monkeypatch.setattr(account, "SHARED", shared)
    try:
        place = Location.below(closed / "var")
        with running(place, VOLATILE):
            write_note(place, "here")
        assert (closed / "var" / "postgres").resolve() == place.home
        closed.chmod(0o755)
        again = Location.below(closed / "var")
        assert again.home == place.home
    finally:
        shutil.rmtree(shared, ignore_errors=True)


@pytest.mark.skipif(os.geteuid() != 0, reason="not for ordinary users: only root lends the server")
def test_programs_out_of_reach_are_copied_and_run(tmp_path, location, monkeypatch):
    shared = Path("/var/lib") / f"ekiden-test-{os.getpid()}"
    monkeypatch.setattr(account, "SHARED", shared)
    monkeypatch.setattr(account.ServiceAccount, "can_enter", lambda self, directory: False)
    try:
        with running(location, VOLATILE):
            assert Path(psutil.Process(Server(location, {}).pid()).exe()).is_relative_to(shared)
    finally:
        shutil.rmtree(shared, ignore_errors=True)
