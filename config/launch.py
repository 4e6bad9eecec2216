"""`manage.py up`: the whole of Ekiden on one machine, from the database to the worker, and back down again."""

import contextlib
import errno
import signal
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from io import StringIO
from queue import Empty, SimpleQueue
from types import FrameType
from typing import Any

from django.core.management import call_command
from django.db import DEFAULT_DB_ALIAS, OperationalError, connection, connections
from django.db import Error as DatabaseError

from config import embedded, static
from config.children import Child
from config.console import Board
from config.env import BASE_DIR, Settings
from config.exceptions import ChildKeepsDying, DatabaseNotReachable, NotPrepared, PortTaken
from config.first_run import Credentials, create_operator
from config.roles import processes
from config.routers import LOGS

#: Beyond the worker's own grace: it still has to give its jobs back.
STOP_MARGIN = 10.0
#: How often to look whether the web server listens, before its address is shown.
GLANCE = 0.05
#: Addresses that a browser on this machine reaches as localhost.
LOCAL = ("127.0.0.1", "0.0.0.0", "::1", "::")  # noqa: S104


class Launcher:
    """Start everything in order, keep it running, stop it in the opposite order."""

    def __init__(self, env: Settings, board: Board | None = None) -> None:
        self.env = env
        self.board = board or Board()
        #: What the loop waits for: the number of a signal, or a child that has ended.
        self.events: SimpleQueue[int | Child] = SimpleQueue()
        #: When a child that died is started again.
        self.due: dict[str, float] = {}
        self.announced = False
        self.children = [
            Child("web", self._web_command(), "web", self.board.say, self.events.put),
            Child("worker", self._worker_command(), "worker", self.board.say, self.events.put),
        ]

    def run(self) -> None:
        """Run until a signal asks for the end. Raises StartError when something cannot run."""
        self._refuse_taken_port()
        # Until the loop listens for signals, SIGTERM unwinds like Ctrl-C: PostgreSQL must not be left behind.
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        with self._database():
            self._prepare()
            with self._signals():
                try:
                    for child in self.children:
                        child.start()
                    self._supervise()
                finally:
                    self._stop_children()
        self.board.say("ekiden", "stopped; the data stays")

    def _web_command(self) -> list[str]:
        return [
            *(sys.executable, "-m", "granian", "--interface", "asginl", "--no-ws"),
            *("--host", self.env.host, "--port", str(self.env.port)),
            *("--workers-kill-timeout", "10", "--log-level", "warning"),
            "config.asgi:application",
        ]

    def _worker_command(self) -> list[str]:
        return [sys.executable, str(BASE_DIR / "manage.py"), "runworker"]

    def _refuse_taken_port(self) -> None:
        family = socket.AF_INET6 if ":" in self.env.host else socket.AF_INET
        with socket.socket(family) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((self.env.host, self.env.port))
            except OSError as exc:
                raise PortTaken(_port_problem(self.env, exc)) from exc

    @contextmanager
    def _database(self) -> Iterator[None]:
        if self.env.database_url:
            server: Any = nullcontext()
        else:
            location = embedded.Location.below(self.env.var_dir)
            server = embedded.running(location)
        with server:
            self._announce_database()
            yield
            connections.close_all()

    def _announce_database(self) -> None:
        try:
            connection.ensure_connection()
        except OperationalError as exc:
            raise DatabaseNotReachable(f"DATABASE_URL: the database does not answer: {_first_line(exc)}.") from exc
        where = "DATABASE_URL" if self.env.database_url else str(self.env.var_dir / "postgres")
        self.board.say("database", f"PostgreSQL {_version(DEFAULT_DB_ALIAS)} in {where}")
        if self.env.logs_database_url:
            self._announce_logs_database()

    def _announce_logs_database(self) -> None:
        try:
            version = _version(LOGS)
        except OperationalError as exc:
            raise DatabaseNotReachable(f"LOGS_DATABASE_URL: the database does not answer: {_first_line(exc)}.") from exc
        self.board.say("database", f"PostgreSQL {version} in LOGS_DATABASE_URL, for the logs")

    def _prepare(self) -> None:
        try:
            call_command("check", stdout=StringIO())
            for alias in connections:
                call_command("migrate", database=alias, verbosity=0, interactive=False)
            static.collect_if_changed(self.env)
            credentials = create_operator()
            self._assign_roles()
        except DatabaseError as exc:
            raise NotPrepared(f"The database could not be prepared: {_first_line(exc)}.") from exc
        except OSError as exc:
            raise NotPrepared(f"The static files could not be gathered in {self.env.static_root}: {exc}.") from exc
        finally:
            connections.close_all()
        if credentials:
            self._show(credentials)

    def _assign_roles(self) -> None:
        """Let no process work as the owner of the tables, whom no rule of theirs binds."""
        roles, complaint = processes.assign(self.env)
        for child in self.children:
            if role := roles.get(child.process_kind):
                child.environment["DATABASE_ROLE"] = role
        if complaint:
            self.board.say("database", f"WARNING {complaint}")

    def _show(self, credentials: Credentials) -> None:
        self.board.say("ekiden", "first run: a login for the admin and an API key, shown only this once")
        self.board.say("ekiden", f"  login     {credentials.user_id}", "bold")
        self.board.say("ekiden", f"  password  {credentials.password}", "bold")
        self.board.say("ekiden", f"  API key   {credentials.api_key}", "bold")

    def _web_listens(self) -> bool:
        with contextlib.suppress(OSError), socket.create_connection((self.env.host, self.env.port), timeout=1):
            return True
        return False

    def _announce(self) -> None:
        host = "localhost" if self.env.host in LOCAL else self.env.host
        site = f"http://{host}:{self.env.port}"
        self.board.say("web", f"serves {site}")
        self.board.say("worker", "runs jobs, and the maintenance: rescue and clean-up")
        self.board.say("ekiden", f"admin     {site}/admin/")
        self.board.say("ekiden", f"API docs  {site}/api/docs/")
        self.board.say("ekiden", f"health    {site}/health")
        self.board.say("ekiden", "Ctrl-C stops all of it")

    @contextmanager
    def _signals(self) -> Iterator[None]:
        def note(number: int, frame: FrameType | None) -> None:
            self.events.put(number)

        before = {number: signal.signal(number, note) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _supervise(self) -> None:
        while True:
            event = self._next_event()
            if not self.announced and self._web_listens():
                self.announced = True
                self._announce()
            if isinstance(event, int):
                self.board.say("ekiden", f"{signal.Signals(event).name}: stopping")
                return
            if event is not None:
                self.due[event.name] = time.monotonic() + self._pause_after_death(event)
            self._start_what_is_due()

    def _next_event(self) -> int | Child | None:
        """Wait for a signal or a child's end, but not longer than until something else is to be done."""
        wait = max(min(self.due.values()) - time.monotonic(), 0.0) if self.due else None
        if not self.announced:
            wait = min(wait or GLANCE, GLANCE)
        try:
            return self.events.get(timeout=wait)
        except Empty:
            return None

    def _start_what_is_due(self) -> None:
        for child in self.children:
            if self.due.get(child.name, float("inf")) <= time.monotonic():
                del self.due[child.name]
                child.start()

    def _pause_after_death(self, child: Child) -> float:
        pause = child.pause_before_restart()
        if pause is None:
            raise ChildKeepsDying(f"The {child.name} {child.how_it_ended()} again and again; its lines above say why.")
        self.board.say("ekiden", f"ERROR the {child.name} {child.how_it_ended()}; starting it again in {pause:g} s")
        return pause

    def _stop_children(self) -> None:
        for child in self.children:
            child.send(signal.SIGTERM)
        deadline = time.monotonic() + self.env.job_queue_grace + STOP_MARGIN
        for child in self.children:
            while child.alive and not child.wait(min(0.5, deadline - time.monotonic())):
                # The second Ctrl-C means it.
                if time.monotonic() > deadline or self._asked_again():
                    self.board.say("ekiden", f"WARNING the {child.name} is killed")
                    child.send(signal.SIGKILL)

    def _asked_again(self) -> bool:
        try:
            return isinstance(self.events.get_nowait(), int)
        except Empty:
            return False


def _port_problem(env: Settings, exc: OSError) -> str:
    if exc.errno == errno.EADDRINUSE:
        return f"Port {env.port} on {env.host} is taken by another program: end it, or set EKIDEN_PORT to a free port."
    if exc.errno == errno.EACCES:
        return f"Port {env.port} needs more rights than you have: set EKIDEN_PORT to a port above 1023."
    return f"EKIDEN_HOST {env.host} cannot be listened on: {exc.strerror}."


def _version(alias: str) -> str:
    return ".".join(map(str, divmod(connections[alias].pg_version, 10_000)))  # type: ignore[attr-defined]


def _first_line(exc: Exception) -> str:
    return str(exc).strip().partition("\n")[0].rstrip(".")
