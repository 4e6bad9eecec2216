"""A handler in a module whose annotations are strings."""

from __future__ import annotations

from typing import Any, NotRequired, TypedDict


class Reader(TypedDict):
    name: str
    age: NotRequired[int]


def handler(ctx: Any, reader: Reader) -> None: ...
