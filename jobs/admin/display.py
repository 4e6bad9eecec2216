"""How times, statuses and keys look in lists and pages."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.timezone import now

_UNITS: Final = ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s"))
NOTHING: Final = format_html('<span class="nothing">{}</span>', "–")


def span(length: timedelta | float | None) -> str:
    """Say how long something took, in two figures: 340 ms, 12 s, 3.5 h."""
    if length is None:
        return ""
    seconds = length.total_seconds() if isinstance(length, timedelta) else float(length)
    if abs(seconds) < 1:
        return f"{seconds * 1000:.0f} ms"
    for size, unit in _UNITS:
        if abs(seconds) >= size:
            amount = seconds / size
            return (
                f"{amount:.0f} {unit}"
                if amount >= 10 or size == 1
                else f"{amount:.1f}".rstrip("0").rstrip(".") + f" {unit}"
            )
    return "0 s"


def moment(at: datetime | None) -> SafeString:
    """Say when, as seen from now; the exact time is in the tooltip."""
    if at is None:
        return NOTHING
    exact = f"{at:%Y-%m-%d %H:%M:%S} UTC"
    away = (now() - at).total_seconds()
    if abs(away) < 1:
        words = "now"
    elif away < 0:
        words = f"in {span(-away)}"
    else:
        words = f"{span(away)} ago"
    return format_html('<time datetime="{}" title="{}">{}</time>', at.isoformat(), exact, words)


def exact(at: datetime | None) -> SafeString:
    """Say when on the page of one row: the exact time, and as seen from now."""
    if at is None:
        return NOTHING
    return format_html("{}, {}", f"{at:%Y-%m-%d %H:%M:%S} UTC", moment(at))


def badge(value: str, label: str = "") -> SafeString:
    """Show a status as a coloured word; the word, not the colour, carries the meaning."""
    return format_html(
        '<span class="badge badge-{}">{}</span>', value.replace("_", "-"), label or value.replace("_", " ")
    )


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


def facts(rows: Mapping[str, Any]) -> list[tuple[str, Any]]:
    """Give label and value of everything that is known; the unknown is left out."""
    return [(label, value) for label, value in rows.items() if value not in (None, "", [], {}, NOTHING)]
