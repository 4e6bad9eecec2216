"""Dropping old partitions while everyone reads and writes: each is detached CONCURRENTLY first, as no function can.

Each step can be the last: a partition carries the mark from before its detach, so that the next run finds what an
interrupted one has left, whether half detached or detached and still there.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

from django.db import OperationalError, connections
from psycopg import sql

from analytics import partitions
from analytics.partitions import Partition

_logger = logging.getLogger(__name__)

MARK: Final = "ekiden: old, to be dropped"
#: A detach waits for all transactions that may use the partition, a backup's as well.
LONGEST_WAIT_MS: Final = 30_000

#: Tables that an earlier run detached and did not come to drop.
_LEFT_OVER: Final = """
SELECT c.relname FROM pg_class c JOIN pg_description d ON d.objoid = c.oid AND d.objsubid = 0
WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r' AND NOT c.relispartition AND d.description = %s
  AND (c.relname LIKE 'request\\_logs\\_y%%' OR c.relname LIKE 'error\\_logs\\_y%%')
ORDER BY 1
"""
_OWNED: Final = "SELECT pg_has_role(relowner, 'USAGE') FROM pg_class WHERE oid = 'public.request_logs'::regclass"

Say = Callable[[str], None]


def may_detach() -> bool:
    """Tell whether this connection owns the logs; others can only call drop_old_partitions()."""
    with connections[partitions.alias()].cursor() as cursor:
        cursor.execute(_OWNED)
        return bool(cursor.fetchone()[0])


def left_over() -> list[str]:
    with connections[partitions.alias()].cursor() as cursor:
        cursor.execute(_LEFT_OVER, [MARK])
        return [name for (name,) in cursor.fetchall()]


def drop_old(months: int, say: Say = _logger.info, wait_ms: int = LONGEST_WAIT_MS) -> list[str]:
    """Detach and drop old partitions, errors before their requests; gives what is gone.

    One that somebody uses for longer than the wait stays for the next run, and so do all younger ones.
    """
    gone = []
    with _own_connection(wait_ms) as run:
        for name in left_over():
            run("DROP TABLE public.{}", name)
            gone.append(name)
        for partition in partitions.old(months):
            try:
                _drop(partition, run)
            except OperationalError as error:
                say(f"{partition.name} is in use and stays for now: {str(error).splitlines()[0]}")
                break
            gone.append(partition.name)
    return gone


def _drop(partition: Partition, run: Callable[..., None]) -> None:
    run("COMMENT ON TABLE public.{} IS " + f"'{MARK}'", partition.name)
    how = "FINALIZE" if partition.detaching else "CONCURRENTLY"
    run("ALTER TABLE public.{} DETACH PARTITION public.{} " + how, partition.parent, partition.name)
    run("DROP TABLE public.{}", partition.name)


@contextmanager
def _own_connection(wait_ms: int) -> Iterator[Callable[..., None]]:
    """Run statements outside any transaction of the caller's."""
    connection = connections[partitions.alias()].copy()

    def run(statement: str, *names: str) -> None:
        with connection.cursor() as cursor:
            composed: Any = sql.SQL(statement).format(*map(sql.Identifier, names))
            cursor.execute(composed)

    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT set_config('lock_timeout', %s, false)", [f"{wait_ms}ms"])
        yield run
    finally:
        connection.close()
