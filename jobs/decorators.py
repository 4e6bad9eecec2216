"""How handlers are written: `@job("summarize")` on a function or coroutine."""

from collections.abc import Callable, Iterable, Sequence
from functools import cached_property
from typing import Any, Concatenate, Generic, ParamSpec, TypeVar, Unpack, get_args

from asgiref.sync import sync_to_async

from jobs.backoff import Backoff, exponential
from jobs.context import Context
from jobs.enqueue import Enqueued, NewJob, enqueue, enqueue_many
from jobs.limits import Key, Limits
from jobs.options import (
    NAMES,
    VERSION_MAX_LENGTH,
    Options,
    check,
    check_cache_seconds,
    check_job_type,
    check_tags,
)
from jobs.priorities import PriorityOf
from jobs.registry import Isolation, JobType, registry
from jobs.scheduled import Definition, definitions
from jobs.scheduling.definitions import refuse_impossible
from jobs.schemas import Check, Schema
from jobs.statuses import Priority
from jobs.uniqueness import Unique

P = ParamSpec("P")
R = TypeVar("R")


class Handler(Generic[P, R]):
    """A registered function that is still callable, and whose jobs can be enqueued.

    To a type checker the payload is the function's parameters behind its context, and nothing else: options are given
    by `using`, which names them all.
    """

    def __init__(self, job_type: JobType) -> None:
        self.job_type = job_type
        self.__doc__ = job_type.function.__doc__
        self.__name__ = job_type.function.__name__
        self.__wrapped__ = job_type.function

    def __call__(self, context: Any, *args: P.args, **kwargs: P.kwargs) -> R:
        result: R = self.job_type.function(context, *args, **kwargs)
        return result

    def __repr__(self) -> str:
        return f"<job {self.job_type.name}>"

    def enqueue(self, *args: P.args, **kwargs: P.kwargs) -> Enqueued:
        """Submit one job, in the caller's transaction if there is one.

        Keywords are the payload. The names of options (`delay`, `priority`, `unique_key` …) are options, unless the
        handler has a parameter of that name: then say `.using(priority=9).enqueue(priority="high")`.
        """
        options = {name: kwargs[name] for name in self._option_names & kwargs.keys()}
        payload = {name: value for name, value in kwargs.items() if name not in options}
        return self._submission(options).enqueue(*args, **payload)

    @cached_property
    def _option_names(self) -> frozenset[str]:
        return NAMES - frozenset(self.job_type.schema.get("properties", {}))

    async def aenqueue(self, *args: P.args, **kwargs: P.kwargs) -> Enqueued:
        """Submit one job from a coroutine, as enqueue does; not part of any transaction."""
        return await sync_to_async(self.enqueue)(*args, **kwargs)

    def enqueue_many(self, payloads: Iterable[dict[str, Any]], **options: Unpack[Options]) -> list[Enqueued]:
        """Submit a job for each payload in few statements; all or none of them.

        `payload` makes payloads that a type checker has looked at.
        """
        return enqueue_many([NewJob(self.job_type.name, payload, options) for payload in payloads])

    def using(self, **options: Unpack[Options]) -> "Submission[P]":
        """Choose options for the next enqueue: `summarize.using(delay=60).enqueue(url=…)`."""
        return Submission(self.job_type, options)

    def payload(self, *args: P.args, **kwargs: P.kwargs) -> dict[str, Any]:
        """Give the payload that a call with these arguments has."""
        return self._submission({}).new(*args, **kwargs).payload

    def new(self, *args: P.args, **kwargs: P.kwargs) -> NewJob:
        """Describe a job that is submitted elsewhere: by enqueue_many, a workflow, or when another one fails."""
        return self._submission({}).new(*args, **kwargs)

    def _submission(self, options: Any) -> "Submission[...]":
        # Whoever calls this has what the function takes, or options that its type does not tell of.
        return Submission(self.job_type, options)


class Submission(Generic[P]):
    """A job type with options, ready for its payload."""

    def __init__(self, job_type: JobType, options: Options) -> None:
        self._job_type = job_type
        self._options = options

    def enqueue(self, *args: P.args, **kwargs: P.kwargs) -> Enqueued:
        return enqueue(self._job_type.name, self._payload(args, kwargs), **self._options)

    async def aenqueue(self, *args: P.args, **kwargs: P.kwargs) -> Enqueued:
        return await sync_to_async(self.enqueue)(*args, **kwargs)

    def new(self, *args: P.args, **kwargs: P.kwargs) -> NewJob:
        return NewJob(self._job_type.name, self._payload(args, kwargs), self._options)

    def _payload(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
        if not args:
            return kwargs
        names = self._job_type.positional
        if len(args) > len(names) or (twice := kwargs.keys() & set(names[: len(args)])):
            said = f"has {min(twice)!r} twice" if len(args) <= len(names) else f"takes {len(names)} at most by position"
            raise TypeError(f"The payload of {self._job_type.name} {said}.")
        return {**dict(zip(names, args, strict=False)), **kwargs}


def job(
    name: str,
    *,
    queue: str = "default",
    max_retries: int | None = None,
    timeout: float | None = None,
    priority: int | PriorityOf = Priority.NORMAL,
    backoff: Backoff | None = None,
    isolation: Isolation = "thread",
    atomic: bool = False,
    schema: Schema | None = None,
    version: str = "1.0.0",
    tags: Sequence[str] = (),
    examples: Sequence[dict[str, Any]] = (),
    cache: int | None = None,
    unique: Unique | None = None,
    concurrency_key: Key | None = None,
    concurrency_limit: int | None = None,
    rate_limit: str | None = None,
    schedule: Definition | None = None,
    internal: bool = False,
    cacheable: Callable[[dict[str, Any]], bool] | None = None,
    check: Check | None = None,
) -> Callable[[Callable[Concatenate[Context, P], R]], Handler[P, R]]:
    """Register a function or coroutine as the handler of a job type.

    Its first argument is the attempt's context, the others are the payload by name. `priority` is a number, or a
    function of the job's owner (or None) that gives one, such as `by_tier(7)`. `timeout` is in seconds;
    `atomic` commits the handler's database writes together with the outcome (plain functions in threads only);
    `isolation="process"` runs it in a child process that can be killed. `version`, `tags` and `examples` (payloads)
    stand in the catalogue of functions. `cache` is for how many seconds an invoke with the same payload gets the same
    result without a job: only for functions whose result depends on nothing else, or for those payloads of which
    `cacheable` says so. `unique` says which of its jobs are
    the same, and what becomes of the second. `concurrency_key` says which of them share `concurrency_limit` (how many
    may run at once; 1 if there is no `rate_limit` either) and `rate_limit` (how many may start in a time: "60/m"): a
    text with names of the payload in braces, `"tenant:{tenant_id}"`, or a function of the payload. `schedule` makes
    its jobs fall due by themselves: a cron expression in UTC, a timedelta, a `schedule_interval`, a Scheduled or
    several of them. `internal` keeps it out of lists. `check` finds what is wrong with a payload that fits the schema.
    """
    if concurrency_key is None and (concurrency_limit is not None or rate_limit is not None):
        raise TypeError(f"{name}: concurrency_limit and rate_limit need a concurrency_key.")

    def register(function: Callable[Concatenate[Context, P], R]) -> Handler[P, R]:
        job_type = JobType(
            name,
            function,
            queue,
            int(priority(None) if callable(priority) else priority),
            max_retries,
            timeout,
            backoff or exponential(),
            isolation,
            atomic,
            schema,
            version,
            tuple(tags),
            tuple(examples),
            cache,
            unique,
            Limits(concurrency_key, concurrency_limit, rate_limit) if concurrency_key else None,
            internal,
            schedules=definitions(schedule),
            cacheable=cacheable,
            priority_of=priority if callable(priority) else None,
            check=check,
        )
        _refuse_impossible(job_type)
        registry.add(job_type)
        return Handler(job_type)

    return register


def _refuse_impossible(job_type: JobType) -> None:
    """Raise at import what would otherwise be the first job's error."""
    check_job_type(job_type.name)
    name, policy = job_type.name, Options(queue=job_type.queue, priority=job_type.priority)
    check({**policy, "max_retries": job_type.max_retries, "timeout": job_type.timeout, "unique": job_type.unique})
    if (limits := job_type.limits) is not None:
        check({"concurrency_limit": limits.concurrency_limit, "rate_limit": limits.rate_limit})
    if job_type.isolation not in get_args(Isolation):
        raise TypeError(f"{name}: isolation is 'thread' or 'process', not {job_type.isolation!r}.")
    if job_type.is_coroutine and (job_type.atomic or job_type.isolation == "process"):
        raise TypeError(f"{name}: a coroutine runs on the event loop, neither atomic nor in a process of its own.")
    if job_type.atomic and job_type.isolation == "process":
        raise TypeError(
            f"{name}: an atomic job shares its transaction with the worker, so it cannot run in a child process."
        )
    _refuse_wrong_description(job_type)
    _ = job_type.validator
    refuse_impossible(job_type)


def _refuse_wrong_description(job_type: JobType) -> None:
    if job_type.unique and (unknown := set(job_type.unique.fields or ()) - set(job_type.schema.get("properties", {}))):
        raise TypeError(f"{job_type.name}: unique names {min(unknown)!r}, which is none of its parameters.")
    check_tags(job_type.tags)
    if not 0 < len(job_type.version) <= VERSION_MAX_LENGTH:
        raise TypeError(f"{job_type.name}: version is a text of 1 to {VERSION_MAX_LENGTH} characters.")
    if job_type.cache_seconds is not None:
        check_cache_seconds(job_type.cache_seconds)
