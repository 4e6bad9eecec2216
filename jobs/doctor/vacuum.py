"""Dead rows and autovacuum on our tables, by what the server counts anyway."""

from collections.abc import Iterator
from typing import Any, Final

from jobs.doctor.asking import SCHEMAS, rows
from jobs.doctor.findings import Finding, critical, graded, lasting, ok

#: Fewer dead rows hurt nobody.
FEWEST_DEAD: Final = 20_000
#: Dead rows, as multiples of what makes autovacuum come.
TIMES: Final = (3.0, 20.0)

#: On the console's page; those that change with every job are always among them.
MOST_TABLES: Final = 12
_ALWAYS: Final = ["job_queue", "job_processing_locks", "job_dead_letter_queue", "job_tasks"]
_HOT: Final = """
SELECT relid::regclass::text, pg_total_relation_size(relid), n_live_tup, n_dead_tup,
       greatest(last_vacuum, last_autovacuum), greatest(last_analyze, last_autoanalyze)
FROM pg_stat_user_tables WHERE schemaname = ANY (%s)
ORDER BY relname = ANY (%s) DESC, n_dead_tup DESC, relname LIMIT %s
"""

_TABLES: Final = """
WITH ours AS (
    SELECT s.relid::regclass::text AS name, s.n_live_tup AS live, s.n_dead_tup AS dead,
           greatest(s.last_vacuum, s.last_autovacuum) AS vacuumed,
           (SELECT jsonb_object_agg(o.option_name, o.option_value) FROM pg_options_to_table(c.reloptions) o) AS options
    FROM pg_stat_user_tables s JOIN pg_class c ON c.oid = s.relid
    WHERE s.schemaname = ANY (%s)
)
SELECT name, live, dead, extract(epoch FROM clock_timestamp() - vacuumed)::float8,
       coalesce(options ->> 'autovacuum_enabled', 'true') NOT IN ('false', 'off', '0', 'no'),
       coalesce((options ->> 'autovacuum_vacuum_threshold')::float8,
                current_setting('autovacuum_vacuum_threshold')::float8)
       + live * coalesce((options ->> 'autovacuum_vacuum_scale_factor')::float8,
                         current_setting('autovacuum_vacuum_scale_factor')::float8)
FROM ours ORDER BY dead DESC
"""


def look() -> Iterator[Finding]:
    tables = rows(_TABLES, [SCHEMAS])
    found = [finding for table in tables for finding in _table(*table)]
    dead = sum(table[2] for table in tables)
    yield from found or [ok(f"{len(tables)} tables have {dead:,} dead rows together, and autovacuum looks after them.")]


def _table(name: str, live: int, dead: int, ago: float | None, on: bool, due_at: float) -> Iterator[Finding]:
    if not on:
        yield critical(
            f"Autovacuum is switched off for {name}, which has {dead:,} dead rows.",
            f"ALTER TABLE {name} RESET (autovacuum_enabled); VACUUM (ANALYZE) {name};",
        )
    elif dead >= FEWEST_DEAD and dead > TIMES[0] * due_at:
        when = f"last vacuumed {lasting(ago)} ago" if ago is not None else "never vacuumed"
        yield graded(
            dead / due_at,
            TIMES,
            f"{name} has {dead:,} dead rows to {live:,} live ones, {when}.",
            f"VACUUM (VERBOSE, ANALYZE) {name}; what it cannot remove is held back, as the check transactions says.",
        )


def hot_tables() -> list[tuple[Any, ...]]:
    """Give our tables with the most dead rows, the queue's own among them, with their partitions' sums."""
    return rows(_HOT, [SCHEMAS, _ALWAYS, MOST_TABLES])
