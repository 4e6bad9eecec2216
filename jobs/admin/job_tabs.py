"""The statuses above the list of jobs, with how many jobs have each, as far as that costs nothing."""

from dataclasses import dataclass
from importlib.resources import files
from typing import Any, Final

from django.db import connection
from django.utils.translation import gettext as _

from jobs.statuses import Status

#: Nobody needs to know it better; a thousand index entries are counted in a millisecond.
MOST: Final = 1_000

_COUNTS: Final = (files("jobs") / "sql" / "queries" / "job_counts.sql").read_text()

#: In the order of a job's life; where other conditions are kept when somebody goes to another tab.
_DROPPED: Final = {"deleted": None, "p": None, "before": None, "after": None}


@dataclass(frozen=True, slots=True)
class Tab:
    name: str
    url: str
    current: bool
    #: "12" or "1,000+"; nothing where nobody counted.
    count: str = ""
    tone: str = ""


def tabs(changelist: Any, counted: bool) -> list[Tab]:
    """Give the tabs; numbers are of all jobs, so a list that is narrowed otherwise shows none."""
    params = changelist.params
    status, deleted = params.get("status"), params.get("deleted") == "yes"
    counts = status_counts() if counted else {}
    found = [Tab(_("All"), _url(changelist, status=None), not status and not deleted)]
    found += [
        Tab(
            _(str(each.label)),
            _url(changelist, status=each.value),
            status == each and not deleted,
            _words(counts, each),
            each,
        )
        for each in Status
    ]
    return [*found, Tab(_("Deleted"), _url(changelist, status=None, deleted="yes"), deleted)]


def status_counts() -> dict[str, int]:
    """Count the jobs of every status that is not history, up to MOST + 1."""
    with connection.cursor() as cursor:
        cursor.execute(_COUNTS, {"cap": MOST + 1})
        return dict(cursor.fetchall())


def _url(changelist: Any, **chosen: Any) -> str:
    url: str = changelist.get_query_string({**_DROPPED, **chosen})
    return url


def _words(counts: dict[str, int], status: Status) -> str:
    count = counts.get(status)
    if count is None:
        return ""
    return f"{MOST:,}+" if count > MOST else f"{count:,}"
