"""Rows of a roll-up beside those of another computation: counts and averages alike, percentiles within the bound."""

import re
from collections.abc import Sequence
from typing import Any

import pytest

from analytics.histograms import ERROR_BOUND

KEYS = ("day", "timestamp", "hour", "language_title", "error_code", "user_id")
PERCENTILE = re.compile(r"p\d+_duration_ms")

Rows = Sequence[dict[str, Any]]


def same(ours: Rows, theirs: Rows) -> None:
    """Fail where a row, or a column of theirs, is missing or differs."""
    keyed = {_key(row): row for row in ours}
    assert keyed.keys() == {_key(row) for row in theirs}
    assert len(ours) == len(keyed), "a row twice"
    for row in theirs:
        for name, value in row.items():
            _same_value(f"{name} of {_key(row)}", name, keyed[_key(row)][name], value)


def _key(row: dict[str, Any]) -> tuple[Any, ...]:
    return tuple(row[name] for name in KEYS if name in row)


def _same_value(where: str, name: str, ours: Any, theirs: Any) -> None:
    if PERCENTILE.fullmatch(name):
        assert abs(float(ours) - float(theirs)) <= ERROR_BOUND * float(theirs) * (1 + 1e-9), where
    elif isinstance(theirs, int | str) or theirs is None or not _number(theirs):
        assert ours == theirs, where
    else:
        assert float(ours) == pytest.approx(float(theirs), rel=1e-12), where


def _number(value: Any) -> bool:
    try:
        float(value)
    except (TypeError, ValueError):
        return False
    return True
