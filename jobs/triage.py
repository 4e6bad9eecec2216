"""What people decide about a dead letter without moving its job: triage, ignore for a time, assign, link a ticket."""

from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from django.db import transaction
from django.db.models.functions import Now
from django.utils.timezone import now

from accounts.roles import STAFF
from jobs.exceptions import InvalidOption, InvalidState
from jobs.models import DeadLetter, DeadLetterGroup
from jobs.models.audit import audit, audit_many
from jobs.payloads import check_text
from jobs.statuses import LIVE, GroupStatus, Resolution

LONGEST: Final = timedelta(days=366)
TICKET_MAX_LENGTH: Final = 500

#: So many come back to the desk in one transaction.
CHUNK: Final = 1_000


@transaction.atomic
def triage(dead_letter_id: UUID, actor: Any, reason: str = "") -> DeadLetter:
    """Say that somebody has looked at the letter; it stays on the desk. Raises InvalidState when it is settled."""
    return _move(dead_letter_id, actor, "triage", reason, resolution_status=Resolution.TRIAGED)


@transaction.atomic
def reopen(dead_letter_id: UUID, actor: Any, reason: str = "") -> DeadLetter:
    """Put a triaged or ignored letter back among the open ones. Raises InvalidState when it is settled."""
    return _move(dead_letter_id, actor, "reopen", reason, resolution_status=Resolution.OPEN)


@transaction.atomic
def ignore(dead_letter_id: UUID, actor: Any, until: datetime, reason: str = "") -> DeadLetter:
    """Take the letter from the desk until then; its job stays a dead letter, and the letter comes back open.

    Raises InvalidState when it is settled, InvalidOption for a time that is past or more than a year ahead.
    """
    check_until(until, "ignored_until")
    return _move(dead_letter_id, actor, "ignore", reason, resolution_status=Resolution.IGNORED, ignored_until=until)


@transaction.atomic
def assign(dead_letter_id: UUID, actor: Any, assignee: Any, reason: str = "") -> DeadLetter:
    """Say who looks after the letter; None is nobody. Raises InvalidOption for people without the console."""
    check_assignee(assignee)
    return _write(_locked(dead_letter_id), actor, "assign", reason, assignee=assignee)


@transaction.atomic
def link(dead_letter_id: UUID, actor: Any, ticket: str, reason: str = "") -> DeadLetter:
    """Keep where else people talk of the letter: an address, or the name of a ticket; an empty one unlinks it."""
    return _write(_locked(dead_letter_id), actor, "link", reason, ticket=checked_ticket(ticket))


def come_back() -> int:
    """Open the letters and groups whose time of being ignored is over; tells how many letters. Nobody waits for it."""
    back = 0
    while count := _come_back():
        back += count
    with transaction.atomic():
        muted = DeadLetterGroup.objects.filter(status=GroupStatus.IGNORED, muted_until__lte=Now())
        for group in muted.select_for_update(skip_locked=True)[:CHUNK]:
            group.status, group.muted_until, group.muted_versions = GroupStatus.OPEN, None, []
            group.save(update_fields=["status", "muted_until", "muted_versions"])
            audit(None, "reopen", group, "The time it was muted for is over.")
    return back


@transaction.atomic
def _come_back() -> int:
    due = DeadLetter.objects.filter(resolution_status=Resolution.IGNORED, ignored_until__lte=Now())
    ids = list(due.order_by("ignored_until").select_for_update(skip_locked=True).values_list("pk", flat=True)[:CHUNK])
    DeadLetter.objects.filter(pk__in=ids).update(resolution_status=Resolution.OPEN, ignored_until=None)
    over: dict[str, Any] = {"before": Resolution.IGNORED, "after": Resolution.OPEN}
    audit_many(None, "system", "reopen", DeadLetter, dict.fromkeys(ids, over), "The time it was ignored for is over.")
    return len(ids)


def check_until(until: datetime, option: str) -> None:
    """Raise InvalidOption for a time that is past or so far ahead that nobody would remember."""
    if not now() < until <= now() + LONGEST:
        raise InvalidOption(option, "must be in the future, within a year.")


def check_assignee(assignee: Any) -> None:
    """Raise InvalidOption for somebody who could not open the letter."""
    if assignee is not None and not (assignee.is_active and assignee.role in STAFF):
        raise InvalidOption("assignee", "must be the user_id of somebody who may open the console.")


def checked_ticket(ticket: str) -> str:
    """Give the ticket without spaces around it; raises InvalidOption for what cannot be kept."""
    ticket = ticket.strip()
    if len(ticket) > TICKET_MAX_LENGTH or check_text(ticket):
        raise InvalidOption("ticket", f"must be a text of at most {TICKET_MAX_LENGTH} characters.")
    return ticket


def _locked(dead_letter_id: UUID) -> DeadLetter:
    return DeadLetter.objects.select_for_update(of=("self",)).defer("payload", "error_history").get(pk=dead_letter_id)


def _move(dead_letter_id: UUID, actor: Any, action: str, reason: str, **changes: Any) -> DeadLetter:
    letter = _locked(dead_letter_id)
    if letter.resolution_status not in LIVE:
        raise InvalidState(action, letter.resolution_status)
    return _write(letter, actor, action, reason, **{"ignored_until": None, **changes})


def _write(letter: DeadLetter, actor: Any, action: str, reason: str, **changes: Any) -> DeadLetter:
    before = {name: _told(getattr(letter, name)) for name in changes}
    after = {name: _told(value) for name, value in changes.items()}
    if before == after:
        return letter
    DeadLetter.objects.filter(pk=letter.pk).update(**changes)
    audit(actor, action, letter, reason, before=before, after=after)
    letter.refresh_from_db(fields=list(changes))
    return letter


def _told(value: Any) -> Any:
    return getattr(value, "user_id", value)
