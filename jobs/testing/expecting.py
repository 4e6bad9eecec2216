"""What was submitted, as a test expects it."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from django.db.models import Q
from django.utils import timezone

from jobs.decorators import Handler
from jobs.models import Job
from jobs.models.job import JobQuerySet
from jobs.registry import registry
from jobs.statuses import Status

#: Between the clocks of the test and of the database, and for the time that the code under test takes.
TOLERANCE: Final = timedelta(seconds=5)
_MOST_NAMED: Final = 10

AnyHandler = Handler[..., Any]


def assert_enqueued(job_type: str | AnyHandler, **expected: Any) -> Job:
    """Give the newest waiting job of this type that is as expected; fail if there is none.

    Keywords are what its payload contains, at least: `assert_enqueued(send_mail, to="ada")`. The names of options ask
    for those, as in `enqueue`: `queue`, `priority`, `delay` or `scheduled_at` (within TOLERANCE), `tags`, `metadata`
    (both at least), `unique_key`, `user` … `count` is for exactly so many. Where the handler has a parameter of such
    a name, the parameter is meant; `payload={"queue": …}` is another way to say that.
    """
    wanted = _wanted(job_type, expected)
    found = wanted.jobs()
    if not found or wanted.count not in (None, len(found)):
        many = "No job" if not found else f"{len(found)} jobs, not {wanted.count},"
        verb = "waits" if not found else "wait"
        raise AssertionError(f"{many} {wanted.name!r} {verb} with {wanted.words}. Waiting:\n{_waiting(wanted.name)}")
    return found[0]


def refute_enqueued(job_type: str | AnyHandler, **expected: Any) -> None:
    """Fail if a job of this type waits that is like this; the keywords are those of assert_enqueued."""
    wanted = _wanted(job_type, expected)
    if found := wanted.jobs():
        raise AssertionError(f"{len(found)} of {wanted.name!r} wait with {wanted.words}:\n{_listed(found)}")


def all_enqueued(job_type: str | AnyHandler | None = None, **expected: Any) -> list[Job]:
    """Give the waiting jobs that are like this, newest first, of one type or of all."""
    if job_type is None:
        return list(_pending().filter(payload__contains=expected))
    return _wanted(job_type, expected).jobs()


@dataclass(frozen=True, slots=True)
class _Wanted:
    name: str
    condition: Q
    count: int | None
    words: str

    def jobs(self) -> list[Job]:
        return list(_pending().filter(self.condition, job_type=self.name))


def _wanted(job_type: str | AnyHandler, expected: dict[str, Any]) -> _Wanted:
    name = job_type.job_type.name if isinstance(job_type, Handler) else job_type
    own = registry.get(name).schema.get("properties", {}) if name in registry else {}
    options = {key: value for key, value in expected.items() if key in _CONDITIONS and key not in own}
    count = None if "count" in own else expected.get("count")
    payload = {key: value for key, value in expected.items() if key not in options and (key in own or key != "count")}
    condition = Q(payload__contains=payload)
    for key, value in options.items():
        condition &= _CONDITIONS[key](value)
    parts = [f"a payload that contains {payload}", *(f"{key} {value!r}" for key, value in options.items())]
    return _Wanted(name, condition, count, " and ".join(parts))


def _pending() -> JobQuerySet:
    return Job.objects.filter(status=Status.PENDING).order_by("-id")


def _waiting(name: str) -> str:
    return _listed(list(_pending().filter(job_type=name)[:_MOST_NAMED])) or "  none at all"


def _listed(jobs: list[Job]) -> str:
    return "\n".join(
        f"  {job.payload} in {job.queue}, priority {job.priority}, due {job.scheduled_at:%Y-%m-%d %H:%M:%S}"
        for job in jobs[:_MOST_NAMED]
    )


def _near(moment: datetime) -> Q:
    return Q(scheduled_at__range=(moment - TOLERANCE, moment + TOLERANCE))


def _after(delay: float | timedelta) -> Q:
    return _near(timezone.now() + (delay if isinstance(delay, timedelta) else timedelta(seconds=delay)))


def _equals(name: str) -> Callable[[Any], Q]:
    return lambda value: Q(**{name: value})


_CONDITIONS: Final[dict[str, Callable[[Any], Q]]] = {
    **{
        name: _equals(name)
        for name in (
            *("queue", "priority", "max_retries", "timeout", "unique_key", "concurrency_key", "rate_limit", "user"),
            *("workspace", "parent", "batch", "schedule", "waits_for", "project_name", "hostname", "arch"),
        )
    },
    "scheduled_at": _near,
    "delay": _after,
    "tags": lambda tags: Q(tags__contains=list(tags)),
    "metadata": lambda metadata: Q(metadata__contains=metadata),
    "payload": lambda payload: Q(payload__contains=payload),
}
