"""Jobs that wait and that nobody could do: of types which no handler is registered for, or all workers leave out."""

from collections import Counter
from collections.abc import Iterator
from typing import Final

from jobs import catalogue
from jobs.doctor.asking import rows
from jobs.doctor.findings import Finding, ok, warn
from jobs.doctor.workers import alive
from jobs.exceptions import UnknownJobType
from jobs.languages import is_foreign

#: So many jobs, those first in line, are looked at.
MOST: Final = 5_000

_FIRST: Final = """
SELECT queue, job_type FROM job_queue WHERE status = 'pending' AND waits_for IS NULL AND lane_key IS NULL
ORDER BY queue, priority DESC, scheduled_at, id LIMIT %s
"""


def look() -> Iterator[Finding]:
    waiting: Counter[str] = Counter()
    for queue, job_type in rows(_FIRST, [MOST]):
        if not is_foreign(queue):
            waiting[job_type] += 1
    chosen = [set(job_types) for (job_types,) in alive().values_list("job_types")]
    found = [finding for name, count in waiting.items() for finding in _type(name, count, chosen)]
    yield from found or [ok(f"{waiting.total():,} waiting jobs of {len(waiting)} types have handlers.")]


def _type(name: str, count: int, chosen: list[set[str]]) -> Iterator[Finding]:
    if not _known(name):
        what = f"{count:,} jobs of the type {name} wait, and no handler has that name: they will be dead letters."
        yield warn(what, "Bring back the handler and restart the workers, or cancel the jobs in the admin")
    elif chosen and all(types and name not in types for types in chosen):
        what = f"{count:,} jobs of the type {name} wait, and every worker leaves it out by --job-types."
        yield warn(what, f"manage.py runworker --job-types {name}")


def _known(name: str) -> bool:
    try:
        catalogue.job_type(name)
    except UnknownJobType:
        return False
    return True
