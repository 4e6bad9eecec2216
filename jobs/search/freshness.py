"""How fresh the engine's answers are."""

from datetime import datetime, timedelta
from importlib.resources import files
from typing import Any, Final, cast

from django.db import connection
from django.db.models import F, Min

from jobs.models import SearchIndex
from jobs.models.columns import ClockTimestamp
from jobs.search.asking import Asked, jobs_of

#: What was sent to the engine is found by searches after so long: the `refresh_interval` of our indexes.
SHOWN_AFTER: Final = timedelta(seconds=1)

_OLDEST: Final = (files("jobs") / "sql" / "queries" / "search_oldest_change.sql").read_text()


def of_engine(asked: Asked, user: Any) -> datetime | None:
    """Give the moment up to which the engine has all changes that may be found; None while no index serves."""
    serving = SearchIndex.objects.filter(state=SearchIndex.State.SERVING)
    now: datetime | None = serving.annotate(now=ClockTimestamp()).values_list("now", flat=True).first()
    if now is None:
        return None
    oldest = _oldest() if asked.see_all else _oldest_of_own(asked, user)
    return min(now - SHOWN_AFTER, oldest or now)


def _oldest() -> datetime | None:
    with connection.cursor() as cursor:
        cursor.execute(_OLDEST)
        (oldest,) = cursor.fetchone()
    return cast("datetime | None", oldest)


def _oldest_of_own(asked: Asked, user: Any) -> datetime | None:
    dirty = jobs_of(asked, user).filter(es_sync_version__lt=F("version"))
    return cast("datetime | None", dirty.aggregate(oldest=Min("updated_at"))["oldest"])
