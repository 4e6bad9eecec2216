"""Fields of request bodies that take exactly what the API's description says.

The framework's own turn 5 into "5", "yes" into true and a bare date into midnight; a client that does so by mistake
is better told.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

from django.utils.dateparse import parse_datetime
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

RFC3339: Final = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)", re.ASCII)


def read_moment(text: Any) -> datetime | None:
    """Read a date and time in RFC 3339; None when it is none, or lies outside of the calendar."""
    if not isinstance(text, str) or not RFC3339.fullmatch(text):
        return None
    try:
        moment = parse_datetime(text.upper())
        return moment.astimezone(UTC) if moment else None
    except (ValueError, OverflowError):
        return None


class Text(serializers.CharField):
    """A JSON string, with its spaces."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{"trim_whitespace": False, **kwargs})

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            self.fail("invalid")
        return super().to_internal_value(data)


class WholeNumber(serializers.IntegerField):
    """A JSON number without a fraction."""

    def to_internal_value(self, data: Any) -> int:
        if isinstance(data, bool) or not isinstance(data, int | float) or data != int(data):
            self.fail("invalid")
        return super().to_internal_value(int(data))


class Number(serializers.FloatField):
    """A JSON number."""

    def to_internal_value(self, data: Any) -> float:
        if isinstance(data, bool) or not isinstance(data, int | float):
            self.fail("invalid")
        return super().to_internal_value(data)


class YesNo(serializers.BooleanField):
    """true or false."""

    def to_internal_value(self, data: Any) -> bool:
        if not isinstance(data, bool):
            self.fail("invalid", input=data)
        return data


class Moment(serializers.DateTimeField):
    """A date and time with its time zone."""

    default_error_messages = {"moment": "Must be a date and time such as 2026-01-31T09:00:00Z."}

    def to_internal_value(self, value: Any) -> datetime:
        moment = read_moment(value)
        if moment is None:
            self.fail("moment")
        return moment


class Identifier(serializers.UUIDField):
    """A UUID as JSON has it: a string."""

    def to_internal_value(self, data: Any) -> UUID:
        if not isinstance(data, str):
            self.fail("invalid", value=data)
        return super().to_internal_value(data)


@extend_schema_field({})
class AnyJson(serializers.JSONField):
    """Any JSON value, null too."""


@extend_schema_field({"type": "object", "additionalProperties": {}})
class JsonObject(serializers.JSONField):
    """A JSON object."""

    default_error_messages = {"object": "Must be an object."}

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        if not isinstance(data, dict):
            self.fail("object")
        return data
