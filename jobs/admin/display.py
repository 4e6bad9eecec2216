"""How times, statuses and keys look in lists and pages."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.timezone import localtime, now
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy
from django_stubs_ext import StrOrPromise

_UNITS: Final = (
    (86_400, pgettext_lazy("days", "{amount} d")),
    (3_600, pgettext_lazy("hours", "{amount} h")),
    (60, gettext_lazy("{amount} min")),
    (1, pgettext_lazy("seconds", "{amount} s")),
)
NOTHING: Final = format_html('<span class="nothing">{}</span>', "–")


def span(length: timedelta | float | None) -> str:
    """Say how long something took, in two figures: 340 ms, 12 s, 3.5 h."""
    if length is None:
        return ""
    seconds = length.total_seconds() if isinstance(length, timedelta) else float(length)
    if abs(seconds) < 1:
        return _("{amount} ms").format(amount=f"{seconds * 1000:.0f}")
    size, words = next(unit for unit in _UNITS if abs(seconds) >= unit[0])
    amount = seconds / size
    figures = f"{amount:.0f}" if abs(amount) >= 10 or size == 1 else f"{amount:.1f}".rstrip("0").rstrip(".")
    return str(words).format(amount=figures)


def moment(at: datetime | None) -> SafeString:
    """Say when, as seen from now; the exact time, here and in UTC, is in the tooltip."""
    if at is None:
        return NOTHING
    away = (now() - at).total_seconds()
    if abs(away) < 1:
        words = _("now")
    elif away < 0:
        words = _("in {span}").format(span=span(-away))
    else:
        words = _("{span} ago").format(span=span(away))
    return _time(at, words)


def exact(at: datetime | None) -> SafeString:
    """Say when on the page of one row: the exact time in the operator's zone, and as seen from now."""
    if at is None:
        return NOTHING
    return format_html("{}, {}", _time(at, clock(at)), moment(at))


def clock(at: datetime) -> str:
    """Give the exact time in the operator's zone, and which zone that is."""
    return f"{localtime(at):%Y-%m-%d %H:%M:%S %Z}"


def _time(at: datetime, words: str) -> SafeString:
    here, utc = clock(at), f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"
    title = here if here == utc else f"{here} = {utc}"
    return format_html('<time datetime="{}" title="{}">{}</time>', at.isoformat(), title, words)


def badge(value: str, label: StrOrPromise = "") -> SafeString:
    """Show a status as a coloured word; the word, not the colour, carries the meaning."""
    words = _(str(label or value.replace("_", " ")))
    return format_html('<span class="badge badge-{}">{}</span>', value.replace("_", "-"), words)


def tags(names: list[str]) -> SafeString:
    return format_html_join(" ", '<span class="tag">{}</span>', ((name,) for name in names)) or NOTHING


def short(text: str | None, length: int = 100) -> str:
    """Give the first line of a text, cut."""
    line = next(iter((text or "").strip().splitlines()), "")
    return line if len(line) <= length else line[: length - 1] + "…"


def key(identifier: Any) -> SafeString:
    """Show the end of a UUIDv7, where it differs from its neighbours."""
    text = str(identifier)
    return format_html('<code class="key" title="{}">…{}</code>', text, text[-10:])


def facts(rows: Mapping[Any, Any]) -> list[tuple[Any, Any]]:
    """Give label and value of everything that is known; the unknown is left out."""
    return [(label, value) for label, value in rows.items() if value not in (None, "", [], {}, NOTHING)]
