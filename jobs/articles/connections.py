import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

from urllib3.connection import HTTPConnection, HTTPSConnection

from jobs.articles.deadline import Deadline
from jobs.articles.urls import Target


class _Plain(HTTPConnection):
    """Speaks to the socket it was given, whatever its host would resolve to now."""

    given: socket.socket

    def _new_conn(self) -> socket.socket:
        return self.given


class _Secure(HTTPSConnection):
    """The same over TLS; the certificate and the server name are still those of the host."""

    given: socket.socket

    def _new_conn(self) -> socket.socket:
        return self.given


@contextmanager
def connect(
    target: Target,
    addresses: list[str],
    deadline: Deadline,
    seconds: float,
    tls: Callable[[], ssl.SSLContext],
) -> Iterator[HTTPConnection]:
    """Open a connection for a host to the first of its checked addresses that answers."""
    with ExitStack() as stack:
        sock = stack.enter_context(first_of(addresses, target.port, deadline, seconds))
        stack.enter_context(deadline.guarding(sock))
        connection = speaking_over(sock, target, deadline.remaining(seconds), tls)
        stack.callback(connection.close)
        connection.connect()
        yield connection


def speaking_over(
    sock: socket.socket, target: Target, seconds: float, tls: Callable[[], ssl.SSLContext]
) -> HTTPConnection:
    """Give what speaks HTTP, or HTTPS, to the host over this socket; it is not connected yet, and never again."""
    connection: _Plain | _Secure
    if target.scheme == "https":
        connection = _Secure(target.host, target.port, ssl_context=tls(), timeout=seconds)
    else:
        connection = _Plain(target.host, target.port, timeout=seconds)
    connection.given = sock
    return connection


def first_of(addresses: list[str], port: int, deadline: Deadline, seconds: float) -> socket.socket:
    """Open a connection to the first address that takes it."""
    failure: OSError | None = None
    for address in addresses:
        try:
            # An address, never a name: nothing is resolved again here.
            sock = socket.create_connection((address, port), timeout=deadline.remaining(seconds))
            # A body goes out behind its headers at once, not when those are acknowledged.
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            return sock
        except OSError as exc:
            failure = exc
    raise failure or OSError("no address")
