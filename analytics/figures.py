"""Figures by their names: which of them each answer tells, and how they changed. The API and the admin show these."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from analytics.reports import Figures

Named = dict[str, Any]
Percents = Sequence[float]
Kind = Callable[[Figures, Percents], Named]

#: Their change is a difference; that of anything else is a part of what it was.
RATIOS: Final = ("error_rate", "cache_hit_ratio")


def usage(figures: Figures, wanted: Percents) -> Named:
    return {
        "requests": figures.requests,
        "successes": figures.successes,
        "errors": figures.errors,
        "error_rate": _ratio(figures.error_ratio),
        "cached": figures.cached,
        "avg_duration_ms": _rounded(figures.avg_duration_ms),
    }


def performance(figures: Figures, wanted: Percents) -> Named:
    values = figures.percentiles or [None] * len(wanted)
    return {
        "requests": figures.requests,
        "avg_duration_ms": _rounded(figures.avg_duration_ms),
        "min_duration_ms": figures.min_duration_ms,
        "max_duration_ms": figures.max_duration_ms,
        "percentiles": {f"p{percent:g}": _rounded(value) for percent, value in zip(wanted, values, strict=True)},
        "memory_usage_mb": _rounded(figures.memory_usage_mb),
        "cpu_usage_percent": _rounded(figures.cpu_usage_percent),
    }


def cache(figures: Figures, wanted: Percents) -> Named:
    return {
        "requests": figures.requests,
        "hits": figures.cached,
        "misses": figures.requests - figures.cached,
        "cache_hit_ratio": _ratio(figures.cache_hit_ratio),
        "avg_hit_ms": _rounded(figures.avg_cached_duration_ms),
    }


def everything(figures: Figures, wanted: Percents) -> Named:
    return {
        **usage(figures, wanted),
        "cache_hit_ratio": _ratio(figures.cache_hit_ratio),
        **performance(figures, wanted),
    }


def change(now: Mapping[str, Any], before: Mapping[str, Any]) -> Named:
    """Say how figures changed: ratios by a difference, all else as a part of what it was; None if that was nothing."""
    changed: Named = {}
    for name, value in now.items():
        was = before.get(name)
        if isinstance(value, Mapping):
            changed[name] = change(value, was or {})
        elif value is None or was is None or (not was and name not in RATIOS):
            changed[name] = None
        else:
            changed[name] = round(value - was if name in RATIOS else value / was - 1, 4)
    return changed


def _ratio(value: float | None) -> float | None:
    return None if value is None else round(value, 4)


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 2)
