"""Function calls in two phases: a session is opened once with a context and executed many times with parameters.

One transaction counts an execution and submits its job, so neither is without the other. What a session may do is
asked of the row by the database's clock; whether somebody has marked it as expired makes no difference.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import F
from django.utils import timezone

from jobs import catalogue, conf, language_rights, options
from jobs.enqueue import Enqueued, enqueue
from jobs.exceptions import InvalidOption, InvalidPayload, JobError, SessionClosed, SessionExpired, Violation
from jobs.models import Session
from jobs.models.audit import audit
from jobs.models.columns import ClockTimestamp
from jobs.payloads import dump
from jobs.schemas import Validator, of_a_part

#: Sessions in one statement of the clean-up, and statements of one run.
AT_ONCE: Final = 10_000
BATCHES: Final = 20


@dataclass(frozen=True, slots=True)
class NewSession:
    """What a session is opened with; without a ttl (seconds) it lives as long as the settings say."""

    language_title: str
    context: dict[str, Any]
    metadata: dict[str, Any]
    ttl: float | None = None


def open_session(user: Any, new: NewSession) -> Session:
    """Open a session of the user.

    Raises UnknownFunction, FunctionInactive, LanguageNotAllowed, InvalidPayload (of the context, as far as it can be
    checked without the parameters) or InvalidOption.
    """
    ttl = _checked_ttl(conf.session_ttl() if new.ttl is None else new.ttl)
    function = _callable(new.language_title, user)
    _check_context(function, new.context)
    options.check_metadata(new.metadata)
    made = Session.objects.create(
        language_title=function.language_title,
        user=user,
        expires_at=ClockTimestamp() + timedelta(seconds=ttl),
        context=new.context,
        metadata=new.metadata,
    )
    return Session.objects.with_condition().get(pk=made.pk)


@transaction.atomic
def execute(session: Session, user: Any, params: dict[str, Any], request_id: str | None = None) -> Enqueued:
    """Run the session's function with its context and these parameters, which take precedence; only its owner may.

    Raises SessionExpired, SessionClosed, FunctionInactive, LanguageNotAllowed or InvalidPayload; then nothing was
    submitted and nothing counted.
    """
    if session.user_id != user.user_id:
        raise PermissionDenied
    _refuse_ended(session)
    function = _callable(session.language_title, user)
    payload = {**_context(session), **params}
    try:
        submitted = enqueue(function.name, payload, user=user, session=session.pk, request_id=request_id)
    except InvalidPayload as error:
        raise InvalidPayload(error.violations, "params") from error
    # Last, because the row is locked from here on: executes of one session wait for each other's commit only.
    if not Session.objects.live().filter(pk=session.pk).update(execution_count=F("execution_count") + 1):
        raise _why_ended(session.pk)
    return submitted


def extend(session: Session, *, ttl: float | None = None, expires_at: datetime | None = None) -> Session:
    """Move the end of a live session, to so many seconds from now or to a moment; the settings say how far.

    Raises SessionExpired, SessionClosed or InvalidOption.
    """
    _refuse_ended(session)
    end: Any = expires_at
    if ttl is not None:
        end = ClockTimestamp() + timedelta(seconds=_checked_ttl(ttl))
    elif expires_at is not None:
        _check_end(expires_at)
    if not Session.objects.live().filter(pk=session.pk).update(expires_at=end):
        raise _why_ended(session.pk)
    return Session.objects.with_condition().get(pk=session.pk)


@transaction.atomic
def prolong(request_id: str, actor: Any, reason: str = "", *, ttl: float) -> Session:
    """Let a live session of anybody's end so many seconds from now. Raises as extend does."""
    session = Session.objects.with_condition().get(pk=request_id)
    before = session.expires_at
    extended = extend(session, ttl=ttl)
    audit(actor, "extend", extended, reason, before={"expires_at": before}, after={"expires_at": extended.expires_at})
    return extended


@transaction.atomic
def close(request_id: str, actor: Any, reason: str = "") -> None:
    """End a session for good; one that has ended already stays as it is."""
    session = Session.objects.get(pk=request_id)
    if Session.objects.live().filter(pk=request_id).update(status=Session.Status.CLOSED):
        audit(actor, "close", session, reason)


def tidy() -> None:
    """Mark sessions past their end as expired, and delete those past their retention; so many at once."""
    days = conf.session_retention_days()
    for _ in range(BATCHES):
        expired = Session.objects.cleanup_expired(AT_ONCE)
        deleted = Session.objects.delete_old(days, AT_ONCE) if days else 0
        if max(expired, deleted) < AT_ONCE:
            break


def _context(session: Session) -> dict[str, Any]:
    if session.context is None or isinstance(session.context, dict):
        return session.context or {}
    # SQL has put something else there.
    raise InvalidPayload([Violation("", "type", "is not an object")], "context")


def _callable(language_title: str, user: Any) -> catalogue.Entry:
    function = catalogue.function_of(language_title)
    function.refuse_inactive()
    language_rights.check(user, function.language)
    return function


def _check_context(function: catalogue.Entry, context: dict[str, Any]) -> None:
    dump(context, conf.payload_max_bytes(), "context")
    try:
        validator = Validator(of_a_part(function.schema))
    except ValueError:
        # A part of the schema refers to another; the whole is checked with the parameters.
        return
    if violations := validator.violations(context):
        raise InvalidPayload(violations, "context")


def _checked_ttl(ttl: float) -> float:
    if not 1 <= ttl <= conf.session_max_ttl():
        raise InvalidOption("ttl", f"must be a number of seconds from 1 to {conf.session_max_ttl()}.")
    return ttl


def _check_end(end: datetime) -> None:
    now = timezone.now()
    if not now < end <= now + timedelta(seconds=conf.session_max_ttl()):
        raise InvalidOption("expires_at", f"must lie ahead, by {conf.session_max_ttl()} seconds at most.")


def _refuse_ended(session: Session) -> None:
    if error := _ended(session.condition):
        raise error


def _why_ended(request_id: str) -> JobError:
    """Say what has happened to a session since it was looked at."""
    now = Session.objects.with_condition().get(pk=request_id)
    return _ended(now.condition) or SessionExpired()


def _ended(condition: str) -> JobError | None:
    if condition == Session.Status.CLOSED:
        return SessionClosed()
    return SessionExpired() if condition == Session.Status.EXPIRED else None
