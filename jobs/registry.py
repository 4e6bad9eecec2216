"""The job types this process knows, filled when the installed apps' `handlers` packages are imported."""

import pkgutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from importlib import import_module
from importlib.util import find_spec
from inspect import Parameter, getdoc, iscoroutinefunction, signature, unwrap
from typing import Any, Literal

from django.apps import apps

from jobs import conf
from jobs.backoff import Backoff, exponential
from jobs.exceptions import UnknownJobType
from jobs.limits import Limits
from jobs.priorities import PriorityOf
from jobs.scheduled import Scheduled
from jobs.schemas import Check, Schema, Validator, schema_for
from jobs.secret_marks import SecretMarks
from jobs.statuses import Priority
from jobs.uniqueness import Unique

Isolation = Literal["thread", "process"]


@dataclass(frozen=True)
class JobType:
    """A handler and the policy its jobs get unless the caller says otherwise. Times are seconds."""

    name: str
    function: Callable[..., Any]
    queue: str = conf.DEFAULT_QUEUE
    priority: int = Priority.NORMAL
    max_retries: int | None = None
    timeout: float | None = None
    backoff: Backoff = field(default_factory=exponential)
    isolation: Isolation = "thread"
    atomic: bool = False
    given_schema: Schema | None = None
    version: str = "1.0.0"
    tags: tuple[str, ...] = ()
    #: Payloads that show how it is called; each fits the schema.
    examples: tuple[dict[str, Any], ...] = ()
    #: Seconds for which the same payload gets the same answer without a job; None is never.
    cache_seconds: int | None = None
    #: Which of its jobs are the same, unless the caller says otherwise.
    unique: Unique | None = None
    #: Which of its jobs do not run together, or not too often, unless the caller says otherwise.
    limits: Limits | None = None
    #: For the product's own measurements: neither listed nor a function that can be called by name.
    internal: bool = False
    #: When its jobs fall due by themselves.
    schedules: tuple[Scheduled, ...] = ()
    #: Tells of which payloads the results may be kept, where it is not of all.
    cacheable: Callable[[dict[str, Any]], bool] | None = None
    #: Gives the priority by the job's owner, where it is not the same for all.
    priority_of: PriorityOf | None = None
    #: Finds what is wrong with a payload that fits the schema, before it becomes a job and before it is run.
    check: Check | None = None

    @cached_property
    def schema(self) -> Schema:
        return self.given_schema if self.given_schema is not None else schema_for(self.function)

    @cached_property
    def validator(self) -> Validator:
        return Validator(self.schema, self.check, secretive=self.secrets.exist)

    @cached_property
    def secrets(self) -> SecretMarks:
        """Which values of its payloads are hidden from people."""
        return SecretMarks(self.schema)

    @cached_property
    def is_coroutine(self) -> bool:
        return iscoroutinefunction(self.function)

    @cached_property
    def positional(self) -> tuple[str, ...]:
        """The parameters behind the context that may be given by position."""
        kinds = (Parameter.POSITIONAL_ONLY, Parameter.POSITIONAL_OR_KEYWORD)
        parameters = list(signature(self.function).parameters.values())[1:]
        return tuple(parameter.name for parameter in parameters if parameter.kind in kinds)

    @property
    def description(self) -> str:
        return getdoc(self.function) or ""

    @property
    def path(self) -> str:
        """Where a child process finds it: module, colon, qualified name."""
        return f"{self.function.__module__}:{self.function.__qualname__}"

    @property
    def place(self) -> str:
        """Its path and line: two functions of one name in one module are two."""
        code = getattr(unwrap(self.function), "__code__", None)
        return f"{self.path}:{code.co_firstlineno}" if code else self.path


#: Makes the job type of a name that nobody has registered, or gives None.
Finder = Callable[[str], JobType | None]


class Registry:
    """Job types by name; a name belongs to one handler."""

    def __init__(self) -> None:
        self._types: dict[str, JobType] = {}
        #: Asked in this order for the types of claimed jobs that are not registered.
        self.finders: list[Finder] = []
        #: Those whose results are kept; empty in most installations, so that looking here costs nothing.
        self.cached: dict[str, JobType] = {}

    def add(self, job_type: JobType) -> None:
        known = self._types.get(job_type.name)
        if known is not None and known.place != job_type.place:
            raise ValueError(f"The job type {job_type.name!r} is registered twice: {known.place} and {job_type.place}.")
        self._refuse_taken_schedules(job_type)
        self._types[job_type.name] = job_type
        if job_type.cache_seconds:
            self.cached[job_type.name] = job_type

    def remove(self, name: str) -> None:
        """Forget a job type; for tests that register their own."""
        self._types.pop(name, None)
        self.cached.pop(name, None)

    def get(self, name: str) -> JobType:
        """Give the job type of this name or raise UnknownJobType."""
        try:
            return self._types[name]
        except KeyError:
            raise UnknownJobType(name) from None

    def find(self, name: str) -> JobType:
        """Give the job type of a claimed job, and register it if it had to be looked for; raises UnknownJobType.

        Finders may import what the name says, so never ask for a name that has come from a client.
        """
        for finder in () if name in self._types else self.finders:
            if found := finder(name):
                self.add(found)
                break
        return self.get(name)

    def __contains__(self, name: object) -> bool:
        return name in self._types

    def __iter__(self) -> Iterator[JobType]:
        return iter(sorted(self._types.values(), key=lambda job_type: job_type.name))

    def _refuse_taken_schedules(self, job_type: JobType) -> None:
        names = {scheduled.name or job_type.name for scheduled in job_type.schedules}
        for other in self._types.values() if names else ():
            taken = names & {scheduled.name or other.name for scheduled in other.schedules}
            if taken and other.name != job_type.name:
                raise ValueError(f"The schedule {min(taken)!r} is defined twice: {other.place} and {job_type.place}.")

    def listed(self) -> list[JobType]:
        """Give the job types that clients are told of."""
        return [job_type for job_type in self if not job_type.internal]

    def discover(self) -> None:
        """Import the `handlers` module or package of every installed app, submodules too."""
        for app in apps.get_app_configs():
            name = f"{app.name}.handlers"
            if find_spec(name) is None:
                continue
            package = import_module(name)
            for module in pkgutil.walk_packages(getattr(package, "__path__", []), f"{name}.", onerror=_raise):
                import_module(module.name)


def _raise(name: str) -> None:
    # Without this, walk_packages passes over a package of handlers that cannot be imported.
    raise


registry = Registry()
