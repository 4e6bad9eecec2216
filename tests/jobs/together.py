"""The same thing done by many at the same moment."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from django.db import connection


def in_threads(count: int, work: Callable[[int], Any]) -> list[Any]:
    """Run it in so many threads that begin together; each with a connection of its own."""
    together = threading.Barrier(count)

    def one(number: int) -> Any:
        try:
            connection.ensure_connection()
            together.wait()
            return work(number)
        finally:
            connection.close()

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(one, range(count)))
