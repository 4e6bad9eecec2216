"""Column defaults that the database fills by itself, so that psql and any language may insert."""

from django.db import models

from accounts.uuid7 import DatabaseUUID7 as Uuid7
from accounts.uuid7 import uuid7

__all__ = ["ClockTimestamp", "EmptyArray", "EmptyJson", "Uuid7", "uuid7"]


class ClockTimestamp(models.Func):
    """The database's time at this very moment; now() stands still inside a transaction.

    It is volatile, so no index can answer a comparison with it: bounds of hot queries use Now().
    """

    function = "clock_timestamp"
    arity = 0
    output_field = models.DateTimeField()


class EmptyArray(models.Func):
    template = "'{}'"
    arity = 0


class EmptyJson(models.Func):
    template = "'{}'::jsonb"
    arity = 0
