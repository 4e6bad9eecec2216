"""What people decide about a whole group of dead letters: whose it is, what is known of it, until when it is mute.

None of this moves a letter; what is done to all letters of a group is a bulk operation with its fingerprint.
"""

from datetime import datetime, timedelta
from typing import Any, Final

from django.db import connection, transaction
from django.utils.timezone import now

from jobs import dead_letter_trends
from jobs.exceptions import InvalidOption, InvalidState
from jobs.models import DeadLetterGroup, DeadLetterTrait, Function, Worker
from jobs.models.audit import audit
from jobs.payloads import check_text
from jobs.statuses import GroupStatus
from jobs.triage import check_assignee, check_until, checked_ticket, come_back

NOTE_MAX_LENGTH: Final = 20_000

#: For the worker's thread of chores.
CHORE: Final = "dead_letters"
INTERVAL: Final = 60.0
#: A user, version or queue that no letter of a group has had for so long is nothing that they have in common now.
TRAITS_KEPT: Final = timedelta(days=90)

# The count of users follows.
_FORGET_TRAITS: Final = """
WITH gone AS (
    DELETE FROM job_dead_letter_traits WHERE last_seen_at < %s RETURNING error_fingerprint, kind
)
UPDATE job_dead_letter_groups g SET user_count = greatest(0, g.user_count - n.users)
FROM (SELECT error_fingerprint, count(*)::integer AS users FROM gone WHERE kind = 'user' GROUP BY 1 ORDER BY 1) n
WHERE g.error_fingerprint = n.error_fingerprint
"""

_NOT_MUTED: Final = {"muted_until": None, "muted_versions": list[str]()}


@transaction.atomic
def assign(fingerprint: str, actor: Any, assignee: Any, reason: str = "") -> DeadLetterGroup:
    """Say who looks after the group; None is nobody. Raises InvalidOption for people without the console."""
    check_assignee(assignee)
    return _write(_locked(fingerprint), actor, "assign", reason, assignee=assignee)


@transaction.atomic
def annotate(fingerprint: str, actor: Any, note: str, reason: str = "") -> DeadLetterGroup:
    """Replace the note kept with a group; the former one stays in the audit log."""
    if len(note) > NOTE_MAX_LENGTH or check_text(note):
        raise InvalidOption("note", f"must be a text of at most {NOTE_MAX_LENGTH:,} characters.")
    return _write(_locked(fingerprint), actor, "annotate", reason, note=note)


@transaction.atomic
def link(fingerprint: str, actor: Any, ticket: str, reason: str = "") -> DeadLetterGroup:
    """Keep where else people talk of the group: an address, or the name of a ticket; an empty one unlinks it."""
    return _write(_locked(fingerprint), actor, "link", reason, ticket=checked_ticket(ticket))


@transaction.atomic
def triage(fingerprint: str, actor: Any, reason: str = "") -> DeadLetterGroup:
    """Say that somebody has looked at the group."""
    return _write(_locked(fingerprint), actor, "triage", reason, status=GroupStatus.TRIAGED, **_NOT_MUTED)


@transaction.atomic
def reopen(fingerprint: str, actor: Any, reason: str = "") -> DeadLetterGroup:
    """Put a triaged, muted or resolved group back among the open ones."""
    return _write(_locked(fingerprint), actor, "reopen", reason, status=GroupStatus.OPEN, **_NOT_MUTED)


@transaction.atomic
def resolve(fingerprint: str, actor: Any, reason: str = "") -> DeadLetterGroup:
    """Say that the cause is gone; the next letter of it opens the group again.

    Raises InvalidState while letters of it are on the desk: those are redriven, discarded or resolved first.
    """
    group = _locked(fingerprint)
    if group.open_count:
        letters = f"{group.open_count:,} of its letters are still open."
        raise InvalidState(
            "resolve", group.status, f"Cannot resolve it: {letters} Redrive, discard or resolve them first."
        )
    return _write(group, actor, "resolve", reason, status=GroupStatus.RESOLVED, **_NOT_MUTED)


@transaction.atomic
def mute(
    fingerprint: str, actor: Any, until: datetime | None = None, until_version: bool = False, reason: str = ""
) -> DeadLetterGroup:
    """Take the group from the desk until a time, until a job dies of it under a version that is not known now, or both.

    Its letters stay open and are counted; only nobody is bothered. Raises InvalidOption unless one of the two is said.
    """
    if until is None and not until_version:
        raise InvalidOption("muted_until", "must be said, unless the group is muted until the version changes.")
    if until is not None:
        check_until(until, "muted_until")
    group = _locked(fingerprint)
    versions = versions_now(group) if until_version else []
    changes: dict[str, Any] = {"muted_until": until, "muted_versions": versions}
    return _write(group, actor, "mute", reason, status=GroupStatus.IGNORED, **changes)


def versions_now(group: DeadLetterGroup) -> list[str]:
    """Give the versions under which jobs of the group have died, and those under which one could die just now."""
    seen = DeadLetterTrait.objects.filter(error_fingerprint=group.pk, kind="version").order_by("-last_seen_at")
    names = [f"python-{group.job_type}", group.job_type]
    function = Function.objects.filter(language_title__in=names).values_list("version", flat=True).first()
    releases = set(Worker.objects.running().values_list("release", flat=True)) | {""}
    possible = {" @ ".join(part for part in (function, release) if part) for release in releases}
    return sorted({*seen.values_list("value", flat=True)[:100], *possible})


def tidy() -> None:
    """Bring back what was ignored for a time, and forget what nobody looks at any more."""
    come_back()
    dead_letter_trends.prune()
    with connection.cursor() as cursor:
        cursor.execute(_FORGET_TRAITS, [now() - TRAITS_KEPT])


def _locked(fingerprint: str) -> DeadLetterGroup:
    return DeadLetterGroup.objects.select_for_update(of=("self",)).get(pk=fingerprint)


def _write(group: DeadLetterGroup, actor: Any, action: str, reason: str, **changes: Any) -> DeadLetterGroup:
    before = {name: _told(getattr(group, name)) for name in changes}
    after = {name: _told(value) for name, value in changes.items()}
    if before == after:
        return group
    for name, value in changes.items():
        setattr(group, name, value)
    group.save(update_fields=list(changes))
    audit(actor, action, group, reason, before=before, after=after)
    return group


def _told(value: Any) -> Any:
    return getattr(value, "user_id", value)
