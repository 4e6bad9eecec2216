"""A job to submit, and what it is in the table: its columns and their values, checked."""

import uuid
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final

from accounts.uuid7 import uuid7
from jobs import conf, options
from jobs.catalogue import Entry
from jobs.exceptions import InvalidOption, InvalidPayload
from jobs.languages import QUEUE_PREFIX, is_foreign
from jobs.models import Job
from jobs.options import Options
from jobs.payloads import dump, dump_payload
from jobs.registry import JobType
from jobs.uniqueness import Unique

#: Values of one row by column, in what INSERT and JSON both take. Not columns: `delay`, `unique_for` and `expires_in`
#: stand for a scheduled_at, unique_until and expires_at so many seconds on, `unique_mode` for what becomes of it when
#: its key is taken.
Row = dict[str, Any]

_PLAIN_COLUMNS: Final = ("project_name", "hostname", "arch", "session", "request_id")


@dataclass(frozen=True, slots=True)
class NewJob:
    """A job to submit: its type, payload and options."""

    job_type: str
    payload: dict[str, Any]
    options: Options = field(default_factory=Options)


@dataclass(frozen=True, slots=True)
class Enqueued:
    """A submitted job; `created` is False when its unique key belonged to another job, whose id this is."""

    id: uuid.UUID
    created: bool = True

    def fetch(self) -> Job:
        """Read the job as it is now."""
        return Job.objects.get(pk=self.id)


def row_of(job_type: JobType | Entry, payload: dict[str, Any], chosen: Options) -> Row:
    """Check a payload and options, and give the columns; raises InvalidPayload or InvalidOption."""
    text = dump_payload(payload)
    # After that: of what JSON cannot hold the schema would say puzzling things, or raise errors of its own.
    if violations := job_type.validator.violations(payload):
        raise InvalidPayload(violations)
    retries, timeout = chosen.get("max_retries", job_type.max_retries), chosen.get("timeout", job_type.timeout)
    row: Row = {
        "id": uuid7(),
        "job_type": job_type.name,
        "queue": chosen.get("queue", job_type.queue),
        "priority": chosen["priority"] if "priority" in chosen else _priority(job_type, chosen.get("user")),
        "payload": text,
        "max_retries": conf.max_retries() if retries is None else retries,
    }
    if timeout is not None:
        row["timeout"] = timeout
    if chosen:
        options.check(chosen)
        refuse_foreign_queue(row["queue"], job_type.queue)
        row.update(_optional_columns(chosen))
    if job_type.limits is not None or chosen:
        row.update(_limit_columns(job_type, payload, chosen))
    if job_type.unique is not None or chosen:
        row.update(_unique_columns(job_type.unique, text, chosen))
    return row


def _priority(job_type: JobType | Entry, user: Any) -> int:
    if not isinstance(job_type, JobType) or job_type.priority_of is None:
        return job_type.priority
    priority = job_type.priority_of(user)
    options.check_priority(priority)
    return int(priority)


def _unique_columns(usual: Unique | None, payload_text: str, chosen: Options) -> Row:
    unique, key = chosen.get("unique", usual), chosen.get("unique_key")
    if unique is None:
        return {"unique_key": key} if key else {}
    if key and unique.fields and "unique" in chosen:
        raise InvalidOption("unique", "has no fields where unique_key is given.")
    if unique.mode == "debounce" and chosen.get("delay") is None and chosen.get("scheduled_at") is None:
        raise InvalidOption("unique", "mode debounce needs a delay or a scheduled_at.")
    row: Row = {"unique_key": key or unique.key(payload_text), "unique_mode": unique.mode}
    if unique.own_states is not None:
        row["unique_states"] = unique.own_states
    if unique.seconds is not None:
        row["unique_for"] = unique.seconds
    return row


def _limit_columns(job_type: JobType | Entry, payload: dict[str, Any], chosen: Options) -> Row:
    usual = job_type.limits
    key = chosen.get("concurrency_key")
    if usual is not None and "concurrency_key" not in chosen:
        properties = job_type.schema.get("properties", {})
        defaults = {name: schema["default"] for name, schema in properties.items() if "default" in schema}
        key = usual.key_for(payload, defaults)
        options.check(Options(concurrency_key=key))
    most, rate = (chosen.get(name, getattr(usual, name, None)) for name in ("concurrency_limit", "rate_limit"))
    if not key:
        for name in ("concurrency_limit", "rate_limit"):
            if chosen.get(name) is not None:
                raise InvalidOption(name, "needs a concurrency_key.")
        return {}
    row: Row = {"concurrency_key": key}
    if rate is not None:
        row["rate_limit"] = rate
    if most is not None or rate is None:
        row["concurrency_limit"] = 1 if most is None else most
    return row


def refuse_foreign_queue(queue: str, usual: str) -> None:
    """Raise InvalidOption where one of the two queues is of another language: workers do their own language's jobs."""
    if queue == usual:
        return
    if is_foreign(usual):
        raise InvalidOption("queue", f"must be {usual}, where the workers of the function's language look.")
    # Its workers could do nothing with the job, and ours would not look there.
    if is_foreign(queue):
        raise InvalidOption("queue", f"must not begin with {QUEUE_PREFIX}: those queues belong to other languages.")


def _optional_columns(chosen: Options) -> Row:
    given: Row = dict(chosen)
    row: Row = {name: given[name] for name in _PLAIN_COLUMNS if given.get(name)}
    row |= _times(chosen)
    if tags := chosen.get("tags"):
        row["tags"] = list(tags)
    if metadata := chosen.get("metadata"):
        row["metadata"] = dump(dict(metadata), options.METADATA_MAX_BYTES, "metadata")
    if user := chosen.get("user"):
        row |= {"user_id": user.pk, "user_email": user.email}
    for name in ("workspace", "batch"):
        if related := given.get(name):
            row[f"{name}_id"] = related.pk
    if parent := given.get("parent"):
        row["parent_id"] = job_id_of("parent", parent)
    return row


def _times(chosen: Options) -> Row:
    row: Row = {}
    if scheduled_at := chosen.get("scheduled_at"):
        row["scheduled_at"] = max(scheduled_at, options.EARLIEST)
    if delay := chosen.get("delay"):
        row["delay"] = delay.total_seconds() if isinstance(delay, timedelta) else float(delay)
    if expires_at := chosen.get("expires_at"):
        if isinstance(expires_at, timedelta):
            row["expires_in"] = expires_at.total_seconds()
        else:
            row["expires_at"] = expires_at
    return row


def job_id_of(option: str, job: Any) -> uuid.UUID:
    """Give the id of a Job, of what enqueue returned, or an id itself; raises InvalidOption."""
    if isinstance(job, uuid.UUID):
        return job
    try:
        return uuid.UUID(str(job.id if isinstance(job, Job | Enqueued) else job))
    except ValueError as error:
        raise InvalidOption(option, "must name a job: a Job, what enqueue returned, or an id.") from error
