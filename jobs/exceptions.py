"""What can go wrong, by name. The docstring is the message; errors of handlers come first."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID


class JobError(Exception):
    """Base of every error of this app. Do not raise it directly."""

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message or (type(self).__doc__ or "").splitlines()[0])


# Raised by handlers


class RetryableError(JobError):
    """The attempt failed and may succeed later."""


class NonRetryableError(JobError):
    """The job can never succeed as it stands."""


class RateLimitError(JobError):
    """The provider asked to be left alone for a while."""

    def __init__(self, message: str | None = None, *, retry_after: float = 1.0) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class Snooze(JobError):
    """The job asked to be run again later, without using up a retry."""

    def __init__(self, seconds: float, message: str | None = None) -> None:
        super().__init__(message)
        self.seconds = seconds


class JobCancelled(JobError):
    """The job was cancelled while it ran."""


# Raised to handlers and inside the worker


class LockLost(JobError):
    """Another worker holds this job now; nothing was written."""


class JobTimeout(RetryableError):
    """The handler ran longer than the job's timeout."""


class ProcessDied(RetryableError):
    """The child process of the handler ended without an outcome."""


class LostWorker(RetryableError):
    """The worker was lost before it recorded an outcome."""


class TaskMismatch(NonRetryableError):
    """What the job remembers of its tasks does not fit what its handler does now."""


class TasksNotAllowed(NonRetryableError):
    """Durable tasks cannot be used here."""


class EventTimeout(NonRetryableError):
    """The event that the job waited for did not come in time."""


class TaskFailed(JobError):
    """A task failed in an earlier attempt with an error whose class is not known here."""


class UnusableResult(NonRetryableError):
    """The handler's return value cannot be stored as JSON."""


class Suspension(BaseException):
    """Leaves the handler of a job that sleeps or waits, so that its worker is free; do not catch it."""

    def __init__(self, delay: float | None, event: bool) -> None:
        super().__init__(delay, event)
        #: Seconds; None is for as long as it takes.
        self.delay = delay
        self.event = event


# Raised to callers of enqueue


@dataclass(frozen=True, slots=True)
class Violation:
    """One thing wrong with a document: where (JSON Pointer), a stable code and a sentence."""

    pointer: str
    code: str
    detail: str


class InvalidPayload(JobError):
    """The payload does not fit."""

    def __init__(self, violations: list[Violation], field: str = "payload") -> None:
        self.violations = violations
        self.field = field
        super().__init__("; ".join(f"{field}{v.pointer}: {v.detail}" for v in violations[:5]))


class UnknownJobType(JobError):
    """No handler is registered under this job type."""

    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__(f"No handler is registered for the job type {name!r}.")


class TaskNotFound(UnknownJobType):
    """A job type that is the path of a task of Django's framework leads to none."""

    def __init__(self, path: str, why: str) -> None:
        super().__init__(path)
        self.args = (f"The task {path!r} {why}.",)


class UnknownFunction(JobError):
    """The catalogue has no function of this name."""

    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__(f"There is no function {name!r}.")


class InvalidFunction(JobError):
    """A function cannot be described like this."""

    def __init__(self, violations: list[Violation]) -> None:
        #: Their pointers begin with the name of the field.
        self.violations = violations
        super().__init__("; ".join(f"{v.pointer.removeprefix('/')}: {v.detail}" for v in violations[:5]))


class FunctionExists(JobError):
    """There is a function or a job type of this name already."""

    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__(f"There is a function or a job type {name!r} already.")


class FunctionInactive(JobError):
    """The function is switched off."""

    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__(f"The function {name!r} is switched off.")


class LanguageNotAllowed(JobError):
    """The job's owner may not use its language."""

    def __init__(self, language: str, user: Any = None) -> None:
        self.language = language
        who = f"The user {user}" if user else "The job's owner"
        super().__init__(f"{who} may not use functions in {language}.")


class InvalidOption(JobError):
    """An option of the job is out of its range."""

    def __init__(self, option: str, detail: str) -> None:
        self.option = option
        super().__init__(f"{option}: {detail}")
        self.detail = detail


class UnknownDependency(JobError):
    """There is no such job to depend on."""

    def __init__(self, job_id: Any, option: str = "depends_on") -> None:
        self.job_id = job_id
        self.option = option
        role = "to depend on" if option == "depends_on" else "to be the parent"
        super().__init__(f"There is no job {job_id} {role}.")


class InvalidWorkflow(JobError):
    """The steps make no workflow."""

    def __init__(self, violations: list[Violation]) -> None:
        #: Their pointers begin with the name of the field.
        self.violations = violations
        super().__init__("; ".join(f"{v.pointer.removeprefix('/')}: {v.detail}" for v in violations[:5]))


class NoneSubmitted(JobError):
    """Some of the jobs cannot be submitted, so none of them was."""

    def __init__(self, errors: dict[int, JobError]) -> None:
        #: The error of each bad job by its place in the list.
        self.errors = errors
        super().__init__()


# Raised by what people do to jobs


class InvalidState(JobError):
    """The job's present status does not allow this."""

    def __init__(self, action: str, current: str, detail: str = "") -> None:
        self.action = action
        self.current = current
        super().__init__(detail or f"Cannot {action} it: its status is {current}.")


class StaleVersion(JobError):
    """The job was changed by someone else in the meantime."""

    def __init__(self, current: Any) -> None:
        self.current = current
        super().__init__(f"It was changed in the meantime: the current version is {current}.")


class InvalidSchedule(JobError):
    """A schedule cannot be like this."""

    def __init__(self, violations: list[Violation]) -> None:
        #: Their pointers begin with the name of the field.
        self.violations = violations
        super().__init__("; ".join(f"{v.pointer.removeprefix('/')}: {v.detail}" for v in violations[:5]))


class ScheduleExists(JobError):
    """Its owner has a schedule of this name already."""

    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__(f"There is a schedule {name!r} already.")


class TooManyEvents(JobError):
    """The job has too many events that it has not taken yet."""


class UniqueKeyTaken(JobError):
    """Another job of this type holds the unique key."""

    def __init__(self, unique_key: str, holder: UUID) -> None:
        #: The id of that job.
        self.holder = holder
        super().__init__(f"The unique key {unique_key!r} belongs to the job {holder}.")


# Raised where sessions are executed and extended


class SessionExpired(JobError):
    """The session has expired; open another one."""


class SessionClosed(JobError):
    """The session is closed; open another one."""


# Raised by searches


class SearchTooBroad(JobError):
    """The search looked at too many jobs and was stopped."""


class SearchBusy(JobError):
    """PostgreSQL is answering as many searches as it may at a time."""

    #: Seconds after which it is worth another try.
    retry_after = 2


class BadCursor(JobError):
    """The cursor was changed, or belongs to another search."""
