"""A podcast's file as an answer: whole or in part, so that players can seek, and never as a whole in memory."""

import asyncio
import hashlib
import logging
import re
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import IO, Any, Final

from asgiref.sync import sync_to_async
from django.core.handlers.asgi import ASGIRequest
from django.db import connections
from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.utils.cache import get_conditional_response
from django.utils.http import http_date, parse_http_date_safe

from jobs.models import Podcast
from jobs.speech.files import storage

#: Of the file, at a time; a server has some of them under way for a slow client.
_CHUNK: Final = 32_768
_RANGE: Final = re.compile(r"bytes=\s*([0-9]{0,18})-([0-9]{0,18})\s*", re.ASCII | re.IGNORECASE)

_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Part:
    start: int
    length: int


def answer(request: HttpRequest, podcast: Podcast) -> HttpResponseBase:
    """Give the file, the part of it that is asked for, 304, or 416; raises Http404 where the storage lost it.

    Call it while the rows may be read; what it gives needs no database any more.
    """
    headers = _headers(podcast)
    known = get_conditional_response(request, headers["ETag"], int(podcast.created_at.timestamp()))
    if known is not None:
        for name in ("Cache-Control", "ETag", "Last-Modified"):
            known[name] = headers[name]
        return known
    try:
        file: Any = storage().open(str(podcast.audio.name))
    except OSError as exc:
        _logger.warning("the storage has no file %s of podcast %s", podcast.audio.name, podcast.pk)
        raise Http404("The file is not there any more.") from exc
    return _sent(request, file, headers)


def _headers(podcast: Podcast) -> dict[str, str]:
    # A file is never changed: another one has another name.
    tag = hashlib.sha256(f"{podcast.audio.name} {podcast.size_bytes}".encode()).hexdigest()[:32]
    extension = str(podcast.audio.name).rpartition(".")[2]
    return {
        "Content-Type": podcast.content_type,
        "Content-Disposition": f'inline; filename="podcast-{podcast.pk}.{extension}"',
        "ETag": f'"{tag}"',
        "Last-Modified": http_date(podcast.created_at.timestamp()),
        "Accept-Ranges": "bytes",
        "Cache-Control": "private, max-age=3600",
        "X-Content-Type-Options": "nosniff",
    }


def _sent(request: HttpRequest, file: Any, headers: dict[str, str]) -> HttpResponseBase:
    size = int(file.size)
    asked = _asked_for(request, headers, size)
    part = asked or Part(0, size)
    if asked and not asked.length:
        file.close()
        return HttpResponse(status=416, headers={"Content-Range": f"bytes */{size}"})
    headers = {**headers, "Content-Length": str(part.length)}
    if asked:
        headers["Content-Range"] = f"bytes {part.start}-{part.start + part.length - 1}/{size}"
    status = 206 if asked else 200
    if request.method == "HEAD":
        file.close()
        return HttpResponse(status=status, headers=headers)
    file.seek(part.start)
    # Under a server of coroutines a plain iterator would be read to its end before anything is sent.
    body = _on_loop(file, part.length) if isinstance(request, ASGIRequest) else _pieces(file, part.length)
    response = StreamingHttpResponse(body, status=status, headers=headers)
    response._resource_closers.append(file.close)  # type: ignore[attr-defined]
    return response


def _asked_for(request: HttpRequest, headers: dict[str, str], size: int) -> Part | None:
    """Read which part is wanted: None is all of it, and a part of no length is one that the file does not have.

    What cannot be read is passed over, as RFC 9110 has it, and so are several parts at once.
    """
    found = _RANGE.fullmatch(request.headers.get("Range", ""))
    if found is None or not any(found.groups()) or not _same(request, headers):
        return None
    first, last = found.groups()
    if not first:
        length = min(int(last), size)
        return Part(size - length, length)
    start = int(first)
    if last and int(last) < start:
        return None
    end = min(int(last), size - 1) if last else size - 1
    return Part(start, max(end - start + 1, 0))


def _same(request: HttpRequest, headers: dict[str, str]) -> bool:
    """Whether the client knows this very file, if it wants a part only of that."""
    known = request.headers.get("If-Range")
    if known is None or known == headers["ETag"]:
        return True
    moment = parse_http_date_safe(known)
    return moment is not None and moment == parse_http_date_safe(headers["Last-Modified"])


def _pieces(file: IO[bytes], left: int) -> Iterator[bytes]:
    while left and (piece := file.read(min(left, _CHUNK))):
        left -= len(piece)
        yield piece


async def _on_loop(file: IO[bytes], left: int) -> AsyncIterator[bytes]:
    # The request's thread still has its connection to the database, and somebody may listen for an hour.
    await sync_to_async(_let_go)()
    while left and (piece := await asyncio.to_thread(file.read, min(left, _CHUNK))):
        left -= len(piece)
        yield piece


def _let_go() -> None:
    for connection in connections.all(initialized_only=True):
        if not connection.in_atomic_block:
            connection.close_if_unusable_or_obsolete()
