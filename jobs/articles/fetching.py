"""Fetch a page that a user named, without lending that user our place in the network."""

import ssl
from collections.abc import Callable
from dataclasses import dataclass
from http.client import HTTPException
from typing import Final

from django.conf import settings
from urllib3 import HTTPResponse
from urllib3.connection import HTTPConnection
from urllib3.exceptions import HTTPError

from jobs.articles.addresses import Resolver, checked_addresses, system_addresses
from jobs.articles.answers import check_status, content_type_of, is_redirect, read_body
from jobs.articles.connections import connect
from jobs.articles.deadline import Deadline
from jobs.articles.exceptions import CertificateRefused, FetchFailed, FetchTimedOut, TooManyRedirects, UrlRefused
from jobs.articles.urls import Target, judge

_HEADERS: Final = {
    "User-Agent": "Ekiden (article reader)",
    "Accept": "text/html, application/xhtml+xml, text/plain;q=0.5",
    # Only what can be unpacked piece by piece under the cap.
    "Accept-Encoding": "gzip, deflate",
    "Connection": "close",
}


@dataclass(frozen=True, slots=True)
class Limits:
    """How much one fetch may take; bytes count after decompression."""

    body_bytes: int = 3_000_000
    redirects: int = 3
    connect_seconds: float = 5.0
    read_seconds: float = 10.0
    total_seconds: float = 30.0


@dataclass(frozen=True, slots=True)
class Page:
    """What came back, from the URL that was reached in the end."""

    url: str
    body: bytes
    content_type: str
    charset: str | None


def loopback_allowed() -> bool:
    """Tell whether this site may fetch from its own machine; only for tests, `check --deploy` refuses it."""
    return bool(getattr(settings, "ARTICLES_ALLOW_PRIVATE_HOSTS", False))


def fetch(
    url: str,
    *,
    limits: Limits = Limits(),
    resolve: Resolver = system_addresses,
    tls: Callable[[], ssl.SSLContext] = ssl.create_default_context,
) -> Page:
    """Fetch a public web page; raises one of the errors in `jobs.articles.exceptions`, or RateLimitError.

    Environment proxies, cookies and credentials play no part. Every host on the way is resolved once, and the
    connection goes to the address that was checked.
    """
    loopback = loopback_allowed()
    deadline = Deadline(limits.total_seconds)
    target = judge(url, any_port=loopback)
    for _ in range(limits.redirects + 1):
        addresses = checked_addresses(
            target.host,
            target.port,
            seconds=deadline.remaining(limits.connect_seconds),
            resolve=resolve,
            allow_loopback=loopback,
        )
        answer = _visit(target, addresses, deadline, limits, tls)
        if isinstance(answer, Page):
            return answer
        target = target.follow(answer, any_port=loopback)
    raise TooManyRedirects(f"The page redirects more than {limits.redirects} times.")


def _visit(
    target: Target, addresses: list[str], deadline: Deadline, limits: Limits, tls: Callable[[], ssl.SSLContext]
) -> Page | str:
    """Ask one server: a page, or where it redirects to."""
    try:
        with connect(target, addresses, deadline, limits.connect_seconds, tls) as connection:
            return _ask(connection, target, deadline, limits)
    except ssl.SSLCertVerificationError as exc:
        raise CertificateRefused(f"The certificate of {target.host} cannot be trusted.") from exc
    except (HTTPError, HTTPException, OSError) as exc:
        if deadline.passed:
            raise FetchTimedOut from exc
        raise FetchFailed(f"Fetching from {target.host} failed: {type(exc).__name__}.") from exc


def _ask(connection: HTTPConnection, target: Target, deadline: Deadline, limits: Limits) -> Page | str:
    connection.timeout = deadline.remaining(limits.read_seconds)  # it sets its socket to this before each answer
    connection.request("GET", target.path, headers=_HEADERS, preload_content=False)
    response: HTTPResponse = connection.getresponse()
    deadline.remaining()  # the guard's shutdown looks like the end of the headers
    if is_redirect(response):
        return _location(response)
    check_status(response)
    content_type, charset = content_type_of(response)
    body = read_body(response, limits.body_bytes)
    deadline.remaining()  # and like that of a body without a length
    return Page(target.url, body, content_type, charset)


def _location(response: HTTPResponse) -> str:
    location = response.headers.get("Location")
    if not location:
        raise UrlRefused("The page redirects to nowhere.")
    return location
