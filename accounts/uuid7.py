"""Time-ordered identifiers: made by the client, with the same kind as the column's default in the database."""

import uuid
from datetime import datetime

from django.db import models
from uuid_utils.compat import uuid7 as _uuid7


def uuid7() -> uuid.UUID:
    """Make a UUIDv7; within one process later calls sort after earlier ones."""
    return _uuid7()


def first_uuid7(moment: datetime) -> uuid.UUID:
    """Give the smallest UUIDv7 of a moment: ids are in the order of time, so a bound on them is a bound on time."""
    milliseconds = max(0, int(moment.timestamp() * 1000))
    return uuid.UUID(int=(milliseconds << 80) | (0x7 << 76) | (0x2 << 62))


class DatabaseUUID7(models.Func):
    """Call our SQL function `ekiden_uuid7()`, for rows inserted from outside Django.

    PostgreSQL has `uuidv7()` of its own only from version 18.
    """

    function = "ekiden_uuid7"
    arity = 0
    output_field = models.UUIDField()
