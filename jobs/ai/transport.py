"""How the official clients reach their servers: within one deadline and with a bounded answer, whatever comes.

Their own time limits start anew with every byte, they read a body of any size, follow redirects with the key in hand
and go by proxies that the environment names. So their HTTP library is given this in place of its connections.
"""

import ssl
from collections.abc import Callable
from contextlib import closing
from http.client import HTTPException
from typing import Any, Final

from urllib3.connection import HTTPConnection
from urllib3.exceptions import HTTPError, IncompleteRead, ProtocolError

from jobs.articles.addresses import system_addresses
from jobs.articles.answers import read_body
from jobs.articles.connections import connect
from jobs.articles.deadline import Deadline
from jobs.articles.exceptions import FetchFailed, FetchTimedOut, HostUnknown, PageTooLarge
from jobs.articles.urls import PORTS, Target

#: A summary has some kilobytes; what is around it in an answer is a few more.
MOST_BYTES: Final = 1_000_000
CONNECT_SECONDS: Final = 5.0

#: What described the body on its way and no longer does.
_ON_THE_WAY: Final = frozenset({"content-encoding", "content-length", "transfer-encoding", "connection"})


class Unanswered(Exception):
    """No answer came, or none that is whole."""

    def __init__(self, code: str, *, sent: bool) -> None:
        super().__init__(code)
        self.code = code
        #: Whether the server may have seen the request.
        self.sent = sent


class BoundedTransport:
    """A transport for httpx and httpx2, which have the same interface. The read timeout is taken for the whole call."""

    def __init__(self, response: Callable[..., Any]) -> None:
        #: The library's class.
        self._response = response

    def __enter__(self) -> "BoundedTransport":
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """Nothing is kept open between two calls."""

    def handle_request(self, request: Any) -> Any:
        """Send a request and read its answer; raises Unanswered."""
        return _Exchange(request, Deadline(request.extensions["timeout"]["read"])).answer(self._response)


class _Exchange:
    def __init__(self, request: Any, deadline: Deadline) -> None:
        self._request = request
        self._deadline = deadline
        self._sent = False

    def answer(self, response: Callable[..., Any]) -> Any:
        try:
            return self._exchange(response)
        except FetchTimedOut as exc:
            raise self._unanswered("timeout") from exc
        except PageTooLarge as exc:
            raise self._unanswered("body_too_large") from exc
        except ssl.SSLCertVerificationError as exc:
            raise self._unanswered("certificate") from exc
        except (HTTPError, HTTPException, OSError, HostUnknown, FetchFailed) as exc:
            raise self._unanswered(self._why(exc)) from exc

    def _exchange(self, response: Callable[..., Any]) -> Any:
        url = self._request.url
        target = Target(url.scheme, url.host, url.port or PORTS[url.scheme], url.raw_path.decode("ascii"))
        addresses = system_addresses(target.host, target.port, self._deadline.remaining(CONNECT_SECONDS))
        with connect(target, addresses, self._deadline, CONNECT_SECONDS, ssl.create_default_context) as connection:
            return self._ask(connection, target, response)

    def _ask(self, connection: HTTPConnection, target: Target, response: Callable[..., Any]) -> Any:
        connection.timeout = self._deadline.remaining()
        if connection.sock is not None:
            connection.sock.settimeout(connection.timeout)
        headers = {**dict(self._request.headers), "accept-encoding": "identity", "connection": "close"}
        self._sent = True
        connection.request(
            self._request.method, target.path, body=self._request.read(), headers=headers, preload_content=False
        )
        with closing(connection.getresponse()) as found:
            self._deadline.remaining()  # the guard's shutdown looks like the end of the headers
            body = read_body(found, MOST_BYTES)
            self._deadline.remaining()  # and like that of a body without a length
            kept = [(name, value) for name, value in found.headers.items() if name.lower() not in _ON_THE_WAY]
            return response(found.status, headers=kept, content=body, request=self._request)

    def _why(self, error: Exception) -> str:
        if self._deadline.passed or isinstance(error, TimeoutError):
            return "timeout"
        broken = isinstance(error, IncompleteRead) or (
            isinstance(error, ProtocolError) and any(isinstance(arg, IncompleteRead) for arg in error.args)
        )
        return "truncated" if broken else "connection"

    def _unanswered(self, code: str) -> Unanswered:
        return Unanswered(code, sent=self._sent)
