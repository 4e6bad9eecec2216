"""Judge and read what a web server answers, which is input as hostile as any other."""

from datetime import UTC, datetime
from email.message import Message
from email.utils import parsedate_to_datetime
from typing import Final

from urllib3 import HTTPResponse

from jobs.articles.exceptions import FetchFailed, PageRefused, PageTooLarge, WrongContent
from jobs.exceptions import RateLimitError

CONTENT_TYPES: Final = frozenset({"text/html", "application/xhtml+xml", "text/plain"})

_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_PASSING: Final = frozenset({408, 425})
_CHUNK: Final = 16_384
#: Seconds to wait when a server says "too many requests" but not for how long, and the most it may ask for.
USUAL_WAIT: Final = 60.0
LONGEST_WAIT: Final = 3600.0


def is_redirect(response: HTTPResponse) -> bool:
    return response.status in _REDIRECTS


def check_status(response: HTTPResponse) -> None:
    """Raise what the status calls for: another try, a wait, or none."""
    status = response.status
    if 200 <= status < 300:
        return
    if status == 429:
        raise RateLimitError("The site asks for fewer requests.", retry_after=retry_after(response))
    if status >= 500 or status in _PASSING:
        raise FetchFailed(f"The site answered {status}.")
    raise PageRefused(status)


def retry_after(response: HTTPResponse) -> float:
    """Read Retry-After, in seconds or as a date, within bounds that a stranger may set for our queue."""
    seconds = wait_of(response.headers.get("Retry-After") or "")
    return USUAL_WAIT if seconds is None else min(max(seconds, 1.0), LONGEST_WAIT)


def wait_of(value: str) -> float | None:
    """Read the seconds that Retry-After asks for, which a date may have passed; None where it says nothing."""
    value = value.strip()
    if value.isascii() and value.isdigit() and len(value) < 10:
        return float(value)
    moment = moment_of(value)
    return None if moment is None else (moment - datetime.now(UTC)).total_seconds()


def moment_of(value: str) -> datetime | None:
    """Read a date as headers have it, UTC where it names no zone; None if it is none."""
    try:
        moment = parsedate_to_datetime(value)
    except (ValueError, OverflowError):
        return None
    return moment.replace(tzinfo=moment.tzinfo or UTC)


def content_type_of(response: HTTPResponse) -> tuple[str, str | None]:
    """Give the media type and the charset, or raise if it is nothing to read text from."""
    header = Message()
    header["Content-Type"] = response.headers.get("Content-Type") or ""
    # Not Message's own reading, which takes what it does not understand for plain text.
    media_type = header["Content-Type"].partition(";")[0].strip().lower()
    if media_type not in CONTENT_TYPES:
        raise WrongContent("The answer is not a web page.")
    encoding = (response.headers.get("Content-Encoding") or "identity").strip().lower()
    # A list of encodings is how a bomb is packed into another one.
    if encoding not in {"identity", "gzip", "x-gzip", "deflate"}:
        raise WrongContent("The answer is packed in a way that is not unpacked here.")
    return media_type, header.get_content_charset()


def read_body(response: HTTPResponse, cap: int) -> bytes:
    """Read and unpack the body; raise PageTooLarge at the first byte over the cap."""
    announced = response.headers.get("Content-Length") or ""
    if announced.isascii() and announced.isdigit() and (len(announced) > 18 or int(announced) > cap):
        raise PageTooLarge
    body = bytearray()
    for piece in response.stream(_CHUNK, decode_content=True):
        body += piece
        if len(body) > cap:
            raise PageTooLarge
    return bytes(body)
