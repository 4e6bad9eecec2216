"""A real trace as requests of Ekiden, and as DuckDB reads it on its own. What it is: tests/fixtures/traces/README.md.

Functions are the executables that ran fifty times or more, and the queues for all others. A job that completed, like an
earlier one of the same user and executable, stands for a cached answer. Times are moved by whole hours, so that the
trace ends with the last full hour.
"""

import csv
import gzip
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

import duckdb

from accounts.models import User
from analytics import writing
from analytics.rows import ErrorRow, OutcomeRow, RequestRow, json_text
from tests.analytics.rows import new_id, sql

FILE: Final = Path(__file__).parents[1] / "fixtures" / "traces" / "gaia-2014.csv.gz"
STARTED: Final = 1_400_749_079
QUEUES: Final = ("interactive", "default", "besteffort")
OFTEN: Final = 50
AT_ONCE: Final = 2_000

#: The same rules once more, in another language.
DUCKDB: Final = """
CREATE TABLE jobs AS
SELECT *, row_number() OVER () - 1 AS n FROM read_csv($file, header = true);
CREATE TABLE requests AS
WITH named AS (
    SELECT *, count(*) OVER (PARTITION BY executable) AS runs,
           ($started + submitted) * 1000 + n % 1000 + $moved AS moment
    FROM jobs
)
SELECT moment, moment // 3600000 * 3600000 AS hour, moment // 86400000 * 86400000 AS day,
       'oar-' || CASE WHEN runs >= 50 THEN executable::varchar
                      ELSE ['interactive', 'default', 'besteffort'][queue + 1] END AS language_title,
       'user' || user_number AS user_id,
       CASE status WHEN 1 THEN 200 WHEN 2 THEN 499 ELSE CASE WHEN ran >= requested THEN 504 ELSE 500 END END AS code,
       (greatest(waited, 0) + greatest(ran, 0)) * 1000 AS duration_ms,
       status = 1 AND count(*) FILTER (status = 1) OVER (
           PARTITION BY user_number, executable ORDER BY n ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
       ) > 0 AS cached,
       CASE WHEN memory_kb >= 0 AND NOT cached THEN memory_kb / 1024 END AS memory_mb,
       CASE WHEN cpu_seconds >= 0 AND ran > 0 AND NOT cached THEN cpu_seconds / ran * 100 END AS cpu_percent,
       CASE code WHEN 504 THEN 'TimeoutError' WHEN 500 THEN 'JobFailed' END AS error_code,
       moment + duration_ms AS ended
FROM named
"""


@dataclass(frozen=True)
class Replay:
    began: datetime
    ended: datetime
    duckdb: duckdb.DuckDBPyConnection

    def rows(self, query: str, **parameters: Any) -> list[dict[str, Any]]:
        """Ask DuckDB; columns of days are milliseconds since 1970."""
        asked = self.duckdb.execute(query, parameters)
        names = [column[0] for column in asked.description]
        return [dict(zip(names, row, strict=True)) for row in asked.fetchall()]


def replay(now: datetime) -> Replay:
    """Write the trace through the recorder's transaction, and lay it into DuckDB as well."""
    rows = list(_read())
    last = datetime.fromtimestamp(STARTED + int(rows[-1]["submitted"]), now.tzinfo)
    moved = (now - last) // timedelta(hours=1) * timedelta(hours=1)
    other = duckdb.connect()
    parameters = {"file": str(FILE), "started": STARTED, "moved": int(moved.total_seconds()) * 1000}
    for statement in DUCKDB.split(";\n"):
        other.execute(statement, {name: value for name, value in parameters.items() if f"${name}" in statement})
    began = datetime.fromtimestamp(STARTED, now.tzinfo) + moved
    for month in range(5):
        sql("SELECT create_log_partitions(%s)", min(now, began + timedelta(days=30 * month)))
    _write(rows, began)
    return Replay(began, last + moved, other)


def _read() -> Iterator[dict[str, str]]:
    with gzip.open(FILE, "rt") as file:
        yield from csv.DictReader(file)


def _write(rows: list[dict[str, str]], began: datetime) -> None:
    runs = Counter(row["executable"] for row in rows)
    users = {number: User(user_id=f"user{number}") for number in {row["user_number"] for row in rows}}
    User.objects.bulk_create(users.values())
    seen: set[tuple[str, str]] = set()
    batch: list[writing.Row] = []
    for number, row in enumerate(rows):
        job = (row["user_number"], row["executable"])
        often = runs[row["executable"]] >= OFTEN
        title = f"oar-{row['executable'] if often else QUEUES[int(row['queue'])]}"
        at = began + timedelta(seconds=int(row["submitted"]), milliseconds=number % 1000)
        batch += _of_job(row, title, at, users[row["user_number"]], cached=row["status"] == "1" and job in seen)
        if row["status"] == "1":
            seen.add(job)
        if len(batch) >= AT_ONCE:
            writing.write(batch)
            batch = []
    writing.write(batch)


def _of_job(row: dict[str, str], title: str, at: datetime, user: User, cached: bool) -> Iterator[writing.Row]:
    """Give what the web process tells and, unless the cache answered, what the worker tells."""
    duration = (max(0, int(row["waited"])) + max(0, int(row["ran"]))) * 1000
    log = new_id(at)
    yield RequestRow(
        *(log, f"job-{log}", title, "192.0.2.7", user.user_id, None, None, None),
        *((200, duration, True) if cached else (202, 3, False)),
    )
    if cached:
        return
    late = int(row["ran"]) >= int(row["requested"])
    status = {"1": 200, "2": 499}.get(row["status"], 504 if late else 500)
    metrics: dict[str, float] = {"attempts": 1}
    if float(row["memory_kb"]) >= 0:
        metrics["memory_usage_mb"] = float(row["memory_kb"]) / 1024
    if float(row["cpu_seconds"]) >= 0 and int(row["ran"]) > 0:
        metrics["cpu_usage_percent"] = float(row["cpu_seconds"]) / int(row["ran"]) * 100
    yield OutcomeRow(log, f"job-{log}", title, str(user.pk), None, status, duration, None, json_text(metrics))
    if status >= 500:
        ended = at + timedelta(milliseconds=duration)
        code = "TimeoutError" if late else "JobFailed"
        yield ErrorRow(new_id(ended), log, ended, str(user.pk), code, "it ended so", "", None)
