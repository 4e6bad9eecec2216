"""Times as the console shows them. That is decided above, so its filter is asked for as templates ask."""

from __future__ import annotations

from datetime import datetime
from functools import cache
from typing import Any

from django.template import engines
from django.utils.safestring import SafeString


def moment(at: datetime | None) -> SafeString | str:
    """Say when, as seen from now, with the exact time behind it."""
    return "" if at is None else _template().render({"at": at})


@cache
def _template() -> Any:
    return engines["django"].from_string("{% load console %}{{ at|moment }}")
