"""How fresh the engine's answers are."""

from datetime import datetime, timedelta
from importlib.resources import files
from typing import Final

from django.db import connection

from accounts.row_security import acting_as_system

#: What was sent to the engine is found by searches after so long: the `refresh_interval` of our indexes.
SHOWN_AFTER: Final = timedelta(seconds=1)

_OLDEST: Final = (files("jobs") / "sql" / "queries" / "search_oldest_change.sql").read_text()


def of_engine() -> datetime | None:
    """Give the moment up to which the engine has all changes; None while no index serves.

    It is the same for everybody: under the policies of a single user, whose conditions come first, the database index
    of changed jobs would be of no use.
    """
    with acting_as_system(), connection.cursor() as cursor:
        cursor.execute(_OLDEST)
        found: tuple[datetime, datetime | None] | None = cursor.fetchone()
    if found is None:
        return None
    now, oldest = found
    return min(now - SHOWN_AFTER, oldest or now)
