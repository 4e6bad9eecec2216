"""The one door for JSON from outside: what passes here, PostgreSQL stores and gives back equal."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import IO, Any, Final, NoReturn

from django.conf import settings
from rest_framework import status
from rest_framework.exceptions import APIException, ParseError, UnsupportedMediaType
from rest_framework.parsers import BaseParser
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request

from config.api.problems import escape
from jobs.payloads import MAX_DEPTH, MAX_INTEGER_DIGITS, check_text

#: A bulk request holds 1,000 jobs, so this is larger than what one payload may have.
MAX_KEYS: Final = 100_000


class BodyTooLarge(APIException):
    status_code = status.HTTP_413_REQUEST_ENTITY_TOO_LARGE
    default_code = "body-too-large"

    def __init__(self, limit: int) -> None:
        super().__init__(f"The body is larger than {limit} bytes.")


class StrictJSONParser(BaseParser):
    """Parse JSON, refusing with 400, 413 or 415 whatever would be lost or break later.

    The framework's own parser turns NUL characters, lone surrogates and deep nesting into a 500, and keeps the last of
    duplicate keys without a word.
    """

    media_type = "application/json"
    renderer_class = JSONRenderer

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        request = (parser_context or {}).get("request")
        if isinstance(request, Request):
            _refuse_encodings(request)
        return loads(_read(stream, request))


def loads(body: bytes) -> Any:
    """Turn the bytes into a value; every refusal is a ParseError with a sentence."""
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError as exc:
        raise ParseError(f"The body is not UTF-8 (byte {exc.start}).") from exc
    try:
        value = _Decoder().decode(text)
    except json.JSONDecodeError as exc:
        raise ParseError(f"The body is not JSON: {exc.msg} (line {exc.lineno}, column {exc.colno}).") from exc
    except RecursionError as exc:
        raise ParseError(f"The body is nested deeper than {MAX_DEPTH} levels.") from exc
    # Unescaped, neither a NUL nor half a surrogate pair gets through the decoders above.
    if "\\u" in text or text.count("[") + text.count("{") > MAX_DEPTH:
        _walk(value)
    return value


class _Decoder(json.JSONDecoder):
    def __init__(self) -> None:
        self.keys = 0
        super().__init__(
            object_pairs_hook=self._object, parse_constant=_refuse_constant, parse_int=_integer, parse_float=_number
        )

    def _object(self, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) < len(pairs):
            names = [name for name, _ in pairs]
            twice = next(name for name in names if names.count(name) > 1)
            raise ParseError(f"The key {twice[:100]!r} stands twice in one object.")
        self.keys += len(pairs)
        if self.keys > MAX_KEYS:
            raise ParseError(f"The body has more than {MAX_KEYS} keys.")
        return found


def _refuse_encodings(request: Request) -> None:
    encoding = request.headers.get("Content-Encoding", "identity")
    if encoding.lower() != "identity":
        # A few compressed bytes can become gigabytes.
        raise UnsupportedMediaType(encoding, "Compressed bodies are not accepted.")
    charset = (request._request.content_params or {}).get("charset", "utf-8")
    if charset.lower() not in ("utf-8", "utf8"):
        raise UnsupportedMediaType(charset, "The body must be UTF-8.")


def _read(stream: IO[Any], request: Any) -> bytes:
    limit = settings.DATA_UPLOAD_MAX_MEMORY_SIZE or 5 * 1024 * 1024
    declared = int(request.META.get("CONTENT_LENGTH") or 0) if request is not None else 0
    if declared > limit:
        raise BodyTooLarge(limit)
    body = bytes(stream.read(limit + 1))
    if len(body) > limit:
        raise BodyTooLarge(limit)
    return body


def _refuse_constant(name: str) -> NoReturn:
    raise ParseError(f"{name} is not a JSON number.")


def _integer(digits: str) -> int:
    if len(digits.lstrip("-")) > MAX_INTEGER_DIGITS:
        raise ParseError(f"An integer has more than {MAX_INTEGER_DIGITS} digits.")
    return int(digits)


def _number(digits: str) -> float:
    number = float(digits)
    if not math.isfinite(number):
        raise ParseError(f"The number {digits[:40]} is too large.")
    return number


def _walk(value: Any) -> None:
    """Look into every string and at every depth; a loop, because recursion is what deep bodies attack."""
    stack: list[tuple[Any, str, int]] = [(value, "#", 0)]
    while stack:
        item, pointer, depth = stack.pop()
        if isinstance(item, str):
            _check_text(item, pointer)
        elif isinstance(item, dict | list) and depth >= MAX_DEPTH:
            raise ParseError(f"The body is nested deeper than {MAX_DEPTH} levels.")
        elif isinstance(item, dict):
            for name, inner in item.items():
                _check_text(name, pointer)
                stack.append((inner, f"{pointer}/{escape(name)}", depth + 1))
        elif isinstance(item, list):
            stack.extend((inner, f"{pointer}/{index}", depth + 1) for index, inner in enumerate(item))


def _check_text(text: str, pointer: str) -> None:
    if trouble := check_text(text):
        raise ParseError(f"The text at {pointer[:200]} {trouble[1]}.")
