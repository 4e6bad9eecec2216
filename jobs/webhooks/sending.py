"""One attempt: a message goes out, and what came back is told in a few words."""

import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass
from http.client import HTTPException
from typing import Final

from urllib3 import HTTPResponse
from urllib3.connection import HTTPConnection
from urllib3.exceptions import HTTPError

from jobs import conf
from jobs.articles.addresses import Resolver, system_addresses
from jobs.articles.answers import wait_of
from jobs.articles.connections import connect
from jobs.articles.deadline import Deadline
from jobs.articles.exceptions import FetchTimedOut
from jobs.articles.urls import Target
from jobs.exceptions import JobError
from jobs.payloads import storable
from jobs.scrubbing import scrub_head
from jobs.webhooks.places import addresses_of, target_of

#: Of an answer, for people; what is behind that is not even read.
EXCERPT_BYTES: Final = 1_000
_CONNECT_SECONDS: Final = 5.0
_HEADERS: Final = {
    "Content-Type": "application/json; charset=utf-8",
    "User-Agent": "Ekiden-Webhooks",
    "Accept": "*/*",
    # What is kept of the answer is for people to read.
    "Accept-Encoding": "identity",
    "Connection": "close",
}


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of an attempt. Without a status nothing answered, and `error` says why."""

    status: int | None
    milliseconds: int
    error: str = ""
    excerpt: str = ""
    #: Seconds that Retry-After asks for.
    retry_after: float | None = None

    @property
    def accepted(self) -> bool:
        return self.status is not None and 200 <= self.status < 300


def send(
    url: str,
    headers: dict[str, str],
    body: bytes,
    *,
    resolve: Resolver = system_addresses,
    tls: Callable[[], ssl.SSLContext] = ssl.create_default_context,
) -> Answer:
    """Post a message to a URL, wherever it leads now, within the time of the settings; follows no redirects.

    Never raises for what the other side does. Proxies, cookies and credentials of the environment play no part.
    """
    began, deadline = time.monotonic(), Deadline(conf.webhook_timeout())
    try:
        target = target_of(url)
        addresses = addresses_of(target, deadline.remaining(_CONNECT_SECONDS), resolve)
        with connect(target, addresses, deadline, _CONNECT_SECONDS, tls) as connection:
            status, excerpt, wait = _asked(connection, target, {**_HEADERS, **headers}, body, deadline)
    except (JobError, HTTPError, HTTPException, OSError, ValueError) as error:
        return Answer(None, _since(began), _in_words(error, deadline))
    said = "" if 200 <= status < 300 else _said(status)
    return Answer(status, _since(began), said, excerpt, wait)


def _asked(
    connection: HTTPConnection, target: Target, headers: dict[str, str], body: bytes, deadline: Deadline
) -> tuple[int, str, float | None]:
    connection.timeout = deadline.remaining()  # it sets its socket to this before each answer
    connection.request("POST", target.path, body=body, headers=headers, preload_content=False)
    response: HTTPResponse = connection.getresponse()
    deadline.remaining()  # the guard's shutdown looks like the end of the headers
    wait = wait_of(response.headers.get("Retry-After") or "")
    return response.status, _excerpt(response), wait


def _excerpt(response: HTTPResponse) -> str:
    # The status is what counts: an answer that breaks off behind it is an answer.
    try:
        head = response.read(EXCERPT_BYTES, decode_content=False)
    except (HTTPError, HTTPException, OSError, ValueError):
        return ""
    return storable(scrub_head(head.decode("utf-8", "replace"), EXCERPT_BYTES))


def _said(status: int) -> str:
    if 300 <= status < 400:
        return f"It answered {status}: redirects are not followed."
    return f"It answered {status}."


def _in_words(error: Exception, deadline: Deadline) -> str:
    # A shut connection may look like anything.
    if deadline.passed or isinstance(error, FetchTimedOut | TimeoutError):
        return f"It did not answer within {conf.webhook_timeout():g} s."
    if isinstance(error, JobError):
        return str(error)
    if isinstance(error, ssl.SSLCertVerificationError):
        return "Its certificate cannot be trusted."
    return f"It could not be reached: {type(error).__name__}."


def _since(began: float) -> int:
    return round((time.monotonic() - began) * 1000)
