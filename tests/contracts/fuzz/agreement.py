"""Parameters that do not go together, which a schema cannot say of single ones."""

from datetime import UTC, datetime
from typing import Any

from analytics.questions import MOST_SLOTS, BadQuestion, read

#: Which parameter goes, by what the reader complains of: the first of them that is there.
GIVES_WAY = {
    "conflict": ("range",),
    "not-before": ("to",),
    "too-fine": ("granularity", "from", "to"),
    "too-old": ("granularity",),
}


def let_agree(query: dict[str, Any]) -> None:
    """Take away parameters of analytics until the rest agrees; one that is wrong by itself stays."""
    while True:
        try:
            question = read(query, datetime.now(UTC))
        except BadQuestion as exc:
            going = next((name for name in GIVES_WAY.get(exc.code, ()) if name in query), None)
            if going is None:
                return
            del query[going]
            continue
        if question.period.points > MOST_SLOTS and question.language_title is None:
            query.pop("by", None)
        return
