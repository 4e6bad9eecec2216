"""What the page of one letter shows beside the letter: its job's other deaths, letters like it, what to go on with."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

from django.utils.html import format_html
from django.utils.translation import gettext as _

from jobs.admin import display, documents
from jobs.admin.facts import anchor
from jobs.dead_letters import neighbour
from jobs.models import DeadLetter
from jobs.statuses import RedriveOutcome, Resolution

#: Deaths of one job, and letters of one group, that a page tells of.
SHOWN: Final = 20

#: How an outcome is coloured.
_TONES: Final = {
    RedriveOutcome.SUCCEEDED: "completed",
    RedriveOutcome.DIED_AGAIN: "dead-letter",
    RedriveOutcome.CANCELLED: "cancelled",
    RedriveOutcome.FAILED: "failed",
}


@dataclass(frozen=True, slots=True)
class Death:
    """One death of the job, what was decided then, and what came of it."""

    letter: DeadLetter
    here: bool
    outcome: str
    #: What was changed of the payload when it was redriven.
    edit: list[documents.Line]


def deaths(letter: Any) -> list[Death]:
    """Tell of all deaths of the letter's job, the first one first."""
    texts = {f"{name}_text": documents.as_text(name) for name in ("payload", "redriven_payload")}
    all_ = DeadLetter.objects.filter(original_job_id=letter.original_job_id).order_by("-id")
    columns = ("job_type", "error_class", "moved_at", "occurrence", "resolution_status", "resolved_at", "version")
    told = all_.annotate(**texts).select_related("resolved_by").only(
        *columns, "redriven_queue", "redrive_outcome", "redrive_ended_at", "resolved_by__user_id"
    )  # fmt: skip
    return [Death(each, each.pk == letter.pk, outcome(each), edit(each)) for each in reversed(list(told[:SHOWN]))]


def edit(letter: Any) -> list[documents.Line]:
    """Compare the payload that the job died of with the one it was redriven with."""
    before, after = documents.value(letter.payload_text), documents.value(letter.redriven_payload_text)
    return [] if before is None or after is None else documents.compare_payloads(before, after, letter.job_type)


def since_first(letter: Any, told: list[Death]) -> list[documents.Line]:
    """Compare the payload of the job's first death with that of this one, where people have edited it between them."""
    first: Any = told[0].letter if told else letter
    if first.pk == letter.pk:
        return []
    before = documents.value(first.payload_text)
    after = documents.value(letter.payload_text)
    if before is None or after is None or before == after:
        return []
    return documents.compare_payloads(before, after, letter.job_type)


def outcome(letter: Any) -> str:
    """Say as a badge what became of a redriven job; empty for what was not redriven."""
    if letter.redrive_outcome:
        return display.badge(_TONES[letter.redrive_outcome], str(RedriveOutcome(letter.redrive_outcome).label))
    return display.badge("processing", _("Not ended yet")) if letter.resolution_status == Resolution.REDRIVEN else ""


def like(letter: Any) -> list[DeadLetter]:
    """Give the newest letters of the same group that lie on the desk."""
    others = DeadLetter.objects.open().filter(error_fingerprint=letter.error_fingerprint).exclude(pk=letter.pk)
    columns = ("job_type", "moved_at", "error_message", "resolution_status", "queue", "user__user_id")
    return list(others.select_related("user").order_by("-id").only(*columns)[:5])


def neighbours(letter: Any) -> Mapping[str, Any]:
    """Give the letters of the group to go on with, where there are any."""
    return {
        "newer": neighbour(letter.error_fingerprint, letter.pk, newer=True),
        "older": neighbour(letter.error_fingerprint, letter.pk, newer=False),
    }


def facts(letter: Any) -> list[tuple[str, Any]]:
    job = letter.original_job
    return display.facts(
        {
            _("Job"): anchor("job", job.pk, job.pk),
            _("Job status"): display.badge(job.status, job.get_status_display()),
            _("Died in"): letter.queue or job.queue,
            _("Now in"): job.queue if letter.queue and job.queue != letter.queue else "",
            _("On"): letter.worker,
            _("Version"): format_html("<code>{}</code>", letter.version) if letter.version else "",
            _("Owner"): letter.user,
            _("Death"): _("number %(number)s of this job") % {"number": letter.occurrence}
            if letter.occurrence > 1
            else "",
            _("Attempts"): job.attempt,
            _("Enqueued"): display.exact(job.created_at),
            _("Died"): display.exact(letter.moved_at),
            _("Tags"): display.tags(job.tags),
            _("Ignored until"): display.exact(letter.ignored_until),
            _("Settled"): display.exact(letter.resolved_at),
            _("By"): letter.resolved_by,
        }
    )


def ticket(text: str) -> str:
    """Show a ticket: an address of the web as a link, anything else as it is."""
    try:
        is_address = urlsplit(text).scheme in ("http", "https")
    except ValueError:
        is_address = False
    return format_html('<a href="{0}" rel="noreferrer">{0}</a>', text) if is_address else text
