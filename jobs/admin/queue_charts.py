"""How a queue went over an hour, a day or a week."""

from typing import Any, Final

from django.utils.translation import gettext_lazy

RANGES: Final = {"1h": gettext_lazy("1 hour"), "24h": gettext_lazy("24 hours"), "7d": gettext_lazy("7 days")}


def charts(queue: str, asked: str) -> dict[str, Any]:
    """Give the charts of the range that was asked for, and the other ranges to choose."""
    chosen = asked if asked in RANGES else "1h"
    return {"range": chosen, "ranges": RANGES, "charts": []}
