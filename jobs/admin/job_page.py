"""What the page of a job shows beside the job."""

import json
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse
from django.utils.html import format_html
from django.utils.http import urlencode
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from jobs.admin import display, documents, job_facts
from jobs.admin.attempts import failed_attempts
from jobs.admin.clone import ACTION
from jobs.admin.dependencies import drawn, edges_of, lists_of
from jobs.admin.facts import anchor
from jobs.admin.history import acts_on
from jobs.admin.tasks import events_of, task_panel
from jobs.admin.timeline import timeline
from jobs.models import AuditEntry, DeadLetter, Job, LogLine, ProcessingLock
from jobs.secret_fields import hide
from jobs.statuses import Status

#: Log lines on the page, the last ones; the API gives all that are kept.
LINES: Final = 300

#: A longer body is left to a file.
CURL_CHARACTERS: Final = 10_000

#: Of the request that would submit the job again.
_CURL: Final = ("queue", "priority", "max_retries", "timeout", "tags", "project_name", "hostname", "arch")


@dataclass(frozen=True, slots=True)
class Logged:
    """The lines of one attempt."""

    attempt: int
    lines: list[LogLine]

    @property
    def left_out(self) -> int:
        return self.lines[0].number


def shown(request: HttpRequest, job: Any) -> dict[str, Any]:
    """Give everything that stands on the page of a job, read in a bounded number of queries."""
    letters = _letters(job)
    panel = task_panel(job) if job.has_tasks else None
    history = acts_on(job.pk, *(letter.pk for letter in letters))
    errors = failed_attempts(job.error_history)
    edges = edges_of(job)
    return {
        "going": job.status in {Status.PENDING, Status.PROCESSING} and not job.is_deleted,
        "timeline": timeline(job, list(reversed(errors)), letters, history, panel),
        "facts": [*job_facts.facts(job), *_links(request, job, history)],
        "errors": errors,
        "lock": ProcessingLock.objects.filter(job=job).first() if job.status == Status.PROCESSING else None,
        "letters": letters,
        "tasks": panel,
        "events": events_of(job) if job.has_events else [],
        "dependencies": lists_of(edges),
        "graph": drawn(job, edges),
        "history": history,
        "logged": logged(job.pk) if job.attempt else [],
        "curl": curl(request, job),
    }


def _letters(job: Job) -> list[DeadLetter]:
    if not job.error_history and job.status != Status.DEAD_LETTER:
        return []
    letters = DeadLetter.objects.filter(original_job=job)
    return list(letters.only("id", "resolution_status", "moved_at", "resolved_at"))


def logged(job_id: UUID) -> list[Logged]:
    """Give the last log lines, the latest attempt first, in it the oldest first."""
    lines = list(LogLine.objects.filter(job=job_id).order_by("-attempt", "-number")[:LINES])
    attempts: dict[int, list[LogLine]] = {}
    for line in lines:
        attempts.setdefault(line.attempt, []).insert(0, line)
    return [Logged(attempt, found) for attempt, found in attempts.items()]


def curl(request: HttpRequest, job: Any) -> str:
    """Give the command that would submit the job again, with what is secret masked."""
    payload = hide(documents.value(job.payload_text) or {}, job.job_type)
    body: dict[str, Any] = {"type": job.job_type, "payload": payload}
    body |= {name: value for name in _CURL if (value := getattr(job, name)) not in (None, "", [])}
    if metadata := documents.value(job.metadata_text):
        body["metadata"] = metadata
    text = json.dumps(body, ensure_ascii=False)
    lines = [
        f"curl -X POST {shlex.quote(request.build_absolute_uri(reverse('jobs')))}",
        '-H "Authorization: Bearer $EKIDEN_API_KEY"',
        "-H 'Content-Type: application/json'",
        '-H "Idempotency-Key: $(uuidgen)"',
        f"-d {shlex.quote(text) if len(text) <= CURL_CHARACTERS else '@job.json'}",
    ]
    return " \\\n  ".join(lines)


def _links(request: HttpRequest, job: Job, history: Sequence[AuditEntry]) -> list[tuple[Any, Any]]:
    found = {
        _("Request"): _request(request, job),
        _("Cloned from"): _cloned(history, "cloned_from"),
        _("Clones"): _cloned(history, "clone"),
    }
    return display.facts(found)


def _request(request: HttpRequest, job: Job) -> SafeString | str | None:
    """Say which request submitted the job; its row of the request log is found by that name."""
    if not job.request_id:
        return None
    try:
        url = reverse("admin:analytics_requestlog_changelist")
    except NoReverseMatch:
        return job.request_id
    if not request.user.has_perm("analytics.view_requestlog"):
        return job.request_id
    return format_html('<a href="{}?{}">{}</a>', url, urlencode({"q": job.request_id}), job.request_id)


def _cloned(history: Sequence[AuditEntry], name: str) -> SafeString | None:
    ids = [entry.details[name] for entry in history if entry.action == ACTION and entry.details.get(name)]
    links = [anchor("job", job_id, f"…{job_id[-10:]}") for job_id in ids[:10]]
    return SafeString(", ".join(links)) if links else None
