"""The answers as the API's description has them."""

from __future__ import annotations

from typing import Any, Final

from analytics.periods import Granularity

Schema = dict[str, Any]

MOMENT: Final[Schema] = {"type": "string", "format": "date-time"}
COUNT: Final[Schema] = {"type": "integer", "minimum": 0}
PART: Final[Schema] = {"type": ["number", "null"], "minimum": 0, "maximum": 1}
AMOUNT: Final[Schema] = {"type": ["number", "null"], "minimum": 0}
CHANGE: Final[Schema] = {"type": ["number", "null"]}
PERCENTILES: Final[Schema] = {
    "type": "object",
    "additionalProperties": AMOUNT,
    "description": "Of the duration in ms, off by at most 1.96 %: p50, p99.9.",
}

USAGE: Final[Schema] = {
    "requests": COUNT,
    "successes": {**COUNT, "description": "Ended with a status of 200 to 299."},
    "errors": {**COUNT, "description": "Ended with a status of 400 or more."},
    "error_rate": {**PART, "description": "errors / requests."},
    "cached": {**COUNT, "description": "Answered from the cache of results."},
    "avg_duration_ms": AMOUNT,
}
PERFORMANCE: Final[Schema] = {
    "requests": COUNT,
    "avg_duration_ms": AMOUNT,
    "min_duration_ms": AMOUNT,
    "max_duration_ms": AMOUNT,
    "percentiles": PERCENTILES,
    "memory_usage_mb": {**AMOUNT, "description": "Peak memory, the average of the runs that were measured."},
    "cpu_usage_percent": {**AMOUNT, "description": "The average of the runs that were measured."},
}
CACHE: Final[Schema] = {
    "requests": COUNT,
    "hits": COUNT,
    "misses": {**COUNT, "description": "All other requests."},
    "cache_hit_ratio": {**PART, "description": "hits / requests."},
    "avg_hit_ms": {**AMOUNT, "description": "Time to answer from the cache."},
}
EVERYTHING: Final[Schema] = {**USAGE, "cache_hit_ratio": PART, **PERFORMANCE}
ERROR: Final[Schema] = {
    "language_title": {"type": "string"},
    "error_code": {"type": "string", "description": "The error's class."},
    "errors": {**COUNT, "description": "Failed attempts."},
    "first_occurrence": MOMENT,
    "last_occurrence": MOMENT,
    "most_common_status": {"type": "integer", "description": "What such requests ended with most often."},
    "example": {
        "type": "string",
        "format": "uuid",
        "description": "The latest request with it, and its job if it made one.",
    },
}


def of_functions(figures: Schema) -> Schema:
    """Describe an answer whose rows are functions."""
    return _answer({"language_title": {"type": "string"}, **figures}, figures)


def of_use() -> Schema:
    """Describe an answer whose rows are functions, or functions and hours or days."""
    when = {**MOMENT, "description": "The begin of the hour or day; with `by=time`."}
    users = {**COUNT, "description": "Users with a request on one of the period's days; for staff."}
    return _answer({"language_title": {"type": "string"}, **USAGE}, USAGE, in_rows={"time": when}, active_users=users)


def of_cache() -> Schema:
    """Describe an answer whose rows are functions, and the cache as a whole."""
    state = _object({"day": MOMENT, "evictions": COUNT, "memory_usage_mb": {"type": "number", "minimum": 0}})
    known = "The whole cache on the period's last day that metrics were made for; for staff."
    whole = {"anyOf": [state, {"type": "null"}], "description": known}
    return _answer({"language_title": {"type": "string"}, **CACHE}, CACHE, cache=whole)


def of_times() -> Schema:
    """Describe an answer whose rows are hours or days, each of them, also those without a request."""
    return _answer({"time": MOMENT, **EVERYTHING}, EVERYTHING)


def of_errors() -> Schema:
    return _answer(ERROR, USAGE, compared={"errors": COUNT})


def _answer(
    row: Schema, totals: Schema, *, compared: Schema | None = None, in_rows: Schema | None = None, **beside: Schema
) -> Schema:
    window = _object({"from": MOMENT, "to": {**MOMENT, "description": "Not included."}})
    through = {
        "type": ["string", "null"],
        "format": "date-time",
        "description": "All requests before this moment are in the figures.",
    }
    head = {
        "data_through": through,
        **window["properties"],
        "granularity": {"type": "string", "enum": [word.value for word in Granularity]},
        "totals": _object(totals, _comparison(totals)),
    }
    rows = {"type": "array", "items": _object(row, {**(in_rows or {}), **_comparison(compared or totals)})}
    previous = {**window, "description": "The period compared with."}
    return _object({**head, "data": rows}, {"previous": previous, **beside})


def _comparison(figures: Schema) -> Schema:
    words = "As a part of what it was: 0.25 is a quarter more. Of error_rate and cache_hit_ratio the difference."
    changes = {name: CHANGE for name in figures if name != "percentiles"}
    if "percentiles" in figures:
        changes["percentiles"] = {"type": "object", "additionalProperties": CHANGE}
    return {"previous": _object(figures), "change": {**_object(changes), "description": words}}


def _object(properties: Schema, optional: Schema | None = None) -> Schema:
    return {"type": "object", "required": list(properties), "properties": {**properties, **(optional or {})}}
