"""Time-ordered identifiers: made by the client, with the same kind as the column's default in the database."""

import uuid
from datetime import datetime, timedelta
from typing import Final

from django.db import models
from uuid_utils.compat import uuid7 as _uuid7

#: How far an application host's clock, which made the id, may be off the database's, which made created_at.
CLOCK_SKEW: Final = timedelta(minutes=1)


def uuid7() -> uuid.UUID:
    """Make a UUIDv7; within one process later calls sort after earlier ones."""
    return _uuid7()


def first_uuid7(moment: datetime) -> uuid.UUID:
    """Give the smallest UUIDv7 of a moment: ids are in the order of time, so a bound on them is a bound on time."""
    milliseconds = max(0, int(moment.timestamp() * 1000))
    return uuid.UUID(int=(milliseconds << 80) | (0x7 << 76) | (0x2 << 62))


def first_id_since(moment: datetime) -> uuid.UUID:
    """Give an id that no row's is below which was created at this moment or later."""
    return first_uuid7(_shifted(moment, -CLOCK_SKEW))


def first_id_behind(moment: datetime) -> uuid.UUID:
    """Give an id that the ids of all rows are below which were created before this moment, or at it."""
    return first_uuid7(_shifted(moment, CLOCK_SKEW))


def _shifted(moment: datetime, by: timedelta) -> datetime:
    try:
        return moment + by
    except OverflowError:
        return moment


class DatabaseUUID7(models.Func):
    """Call our SQL function `ekiden_uuid7()`, for rows inserted from outside Django.

    PostgreSQL has `uuidv7()` of its own only from version 18.
    """

    function = "ekiden_uuid7"
    arity = 0
    output_field = models.UUIDField()
