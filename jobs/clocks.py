"""How far the clock of this host is from the database's."""

import time
from typing import Final

from django.db import DEFAULT_DB_ALIAS, connections

TRIES: Final = 3

_NOW: Final = "SELECT extract(epoch FROM clock_timestamp())::float8"


def clock_offset(using: str = DEFAULT_DB_ALIAS, tries: int = TRIES) -> float:
    """Give the seconds that this host is ahead of the database.

    The answer is taken to be of the middle of the time that asking took; of several tries the fastest is believed.
    """
    best, offset = float("inf"), 0.0
    with connections[using].cursor() as cursor:
        for _ in range(tries):
            asked, began = time.time(), time.perf_counter()
            cursor.execute(_NOW)
            (there,) = cursor.fetchone()
            took = time.perf_counter() - began
            if took < best:
                best, offset = took, asked + took / 2 - there
    return offset
