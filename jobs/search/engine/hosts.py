"""One host of the search engine: its connections, kept open between calls, and its rest after it failed."""

import base64
import os
import random
import ssl
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from http.client import HTTPException
from typing import Final
from urllib.parse import quote, unquote, urlsplit

from urllib3.connection import HTTPConnection
from urllib3.exceptions import HTTPError, IncompleteRead, ProtocolError

from jobs.articles.addresses import system_addresses
from jobs.articles.answers import read_body
from jobs.articles.connections import first_of, speaking_over
from jobs.articles.deadline import Deadline
from jobs.articles.exceptions import FetchFailed, FetchTimedOut, HostUnknown, PageTooLarge
from jobs.articles.urls import PORTS, Target

#: An answer that is larger is none to a question of ours.
MOST_BYTES: Final = 16_000_000
CONNECT_SECONDS: Final = 3.0
#: So many connections stay open, and so long: what balances loads forgets quiet ones without a word.
_KEPT: Final = 10
_QUIET: Final = 50.0
#: Seconds that a host is left alone after it failed, twice as long after each failure, and at the longest.
REST: Final = 5.0
REST_AT_MOST: Final = 60.0


@dataclass(frozen=True, slots=True)
class Request:
    method: str
    path: str
    body: bytes | None = None
    headers: dict[str, str] = field(default_factory=dict)
    #: To do it twice does no harm.
    repeatable: bool = True


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    #: With names in small letters.
    headers: dict[str, str]
    body: bytes


class Unanswered(Exception):
    """No answer came, or none that is whole."""

    def __init__(self, kind: str, reason: str, *, sent: bool) -> None:
        super().__init__(kind)
        #: timeout, connection, certificate, truncated or too_large
        self.kind = kind
        self.reason = reason
        #: The engine may have done what it was asked to.
        self.sent = sent


class Host:
    """A place where the engine answers. Threads may share it; after a fork the child opens connections of its own."""

    def __init__(self, url: str, tls: Callable[[], ssl.SSLContext], authorization: str = "") -> None:
        parts = urlsplit(url)
        self._target = Target(parts.scheme, parts.hostname or "", parts.port or PORTS[parts.scheme], "/")
        self._prefix = quote(unquote(parts.path.rstrip("/")), safe="/")
        self._tls = tls
        self._authorization = authorization or _basic(parts.username, parts.password)
        # Appending and popping are atomic, so that no lock has to survive a fork.
        self._kept: deque[tuple[HTTPConnection, float]] = deque()
        self._pid = os.getpid()
        self._failures = 0
        self.resting_until = 0.0

    def __str__(self) -> str:
        return self._target.url.removesuffix("/") + self._prefix

    def ask(self, request: Request, deadline: Deadline) -> Answer:
        """Send a request and read its answer; raises Unanswered."""
        kept = self._take() if request.repeatable else None
        if kept is not None:
            try:
                return self._converse(kept, request, deadline)
            except Unanswered as exc:
                # A kept connection may have been closed just when it was wanted; then none of the others is any good.
                if exc.kind != "connection":
                    raise
                self.close()
        with self._translated(deadline, sent=False):
            connection = self._open(deadline)
        return self._converse(connection, request, deadline)

    def failed(self) -> None:
        """Leave it alone for a while; others jump in."""
        self._failures += 1
        rest = min(REST * 2 ** min(self._failures - 1, 10), REST_AT_MOST)
        self.resting_until = time.monotonic() + rest * random.uniform(0.75, 1.25)  # noqa: S311 (no secret)

    def answered(self) -> None:
        self._failures, self.resting_until = 0, 0.0

    def close(self) -> None:
        """Close what is kept open."""
        with suppress(IndexError):
            while True:
                self._kept.popleft()[0].close()

    def _take(self) -> HTTPConnection | None:
        if self._pid != os.getpid():
            # The parent speaks over these.
            self.close()
            self._pid = os.getpid()
        with suppress(IndexError):
            while True:
                connection, since = self._kept.pop()
                if connection.is_connected and time.monotonic() - since < _QUIET:
                    return connection
                connection.close()
        return None

    def _keep(self, connection: HTTPConnection) -> None:
        if connection.sock is None or len(self._kept) >= _KEPT:
            connection.close()
        else:
            self._kept.append((connection, time.monotonic()))

    def _open(self, deadline: Deadline) -> HTTPConnection:
        target = self._target
        addresses = system_addresses(target.host, target.port, deadline.remaining(CONNECT_SECONDS))
        sock = first_of(addresses, target.port, deadline, CONNECT_SECONDS)
        connection = speaking_over(sock, target, deadline.remaining(CONNECT_SECONDS), self._tls)
        try:
            with deadline.guarding(sock):
                connection.connect()
        except BaseException:
            connection.close()
            sock.close()
            raise
        return connection

    def _converse(self, connection: HTTPConnection, request: Request, deadline: Deadline) -> Answer:
        try:
            with self._translated(deadline, sent=True), deadline.guarding(connection.sock):
                answer = self._exchange(connection, request, deadline)
        except BaseException:
            connection.close()
            raise
        self._keep(connection)
        return answer

    def _exchange(self, connection: HTTPConnection, request: Request, deadline: Deadline) -> Answer:
        connection.timeout = deadline.remaining()  # it sets its socket to this before each answer
        connection.sock.settimeout(connection.timeout)
        headers = {"Accept": "application/json", "User-Agent": "Ekiden", **request.headers}
        if self._authorization:
            headers["Authorization"] = self._authorization
        path = self._prefix + request.path
        connection.request(request.method, path, body=request.body, headers=headers, preload_content=False)
        with closing(connection.getresponse()) as found:
            deadline.remaining()  # the guard's shutdown looks like the end of the headers
            body = read_body(found, MOST_BYTES)
            deadline.remaining()  # and like that of a body without a length
            return Answer(found.status, {name.lower(): value for name, value in found.headers.items()}, body)

    @contextmanager
    def _translated(self, deadline: Deadline, *, sent: bool) -> Iterator[None]:
        try:
            yield
        except ssl.SSLCertVerificationError as exc:
            raise Unanswered("certificate", f"the certificate of {self} cannot be trusted", sent=False) from exc
        except PageTooLarge as exc:
            raise Unanswered("too_large", f"{self} answered more than {MOST_BYTES} bytes", sent=sent) from exc
        except (FetchFailed, HostUnknown, HTTPError, HTTPException, OSError) as exc:
            if deadline.passed or isinstance(exc, FetchTimedOut | TimeoutError):
                raise Unanswered("timeout", f"{self} did not answer in time", sent=sent) from exc
            if _is_cut_off(exc):
                raise Unanswered("truncated", f"the answer of {self} is cut off", sent=sent) from exc
            raise Unanswered("connection", f"{self} is not reached ({type(exc).__name__})", sent=sent) from exc


def _basic(user: str | None, password: str | None) -> str:
    if user is None:
        return ""
    pair = f"{unquote(user)}:{unquote(password or '')}"
    return f"Basic {base64.b64encode(pair.encode()).decode()}"


def _is_cut_off(error: Exception) -> bool:
    return isinstance(error, IncompleteRead) or (
        isinstance(error, ProtocolError) and any(isinstance(arg, IncompleteRead) for arg in error.args)
    )
