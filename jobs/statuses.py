"""The words a job, its dead letter and its priority may wear."""

from typing import Final

from django.db import models
from django.utils.translation import gettext_lazy as _


class Status(models.TextChoices):
    """Where a job is in its life; DEAD_LETTER waits for a person, the last three are final."""

    PENDING = "pending", "Pending"
    PROCESSING = "processing", "Processing"
    DEAD_LETTER = "dead_letter", "Dead letter"
    COMPLETED = "completed", "Completed"
    FAILED = "failed", "Failed"
    CANCELLED = "cancelled", "Cancelled"


class WaitsFor(models.TextChoices):
    """What a pending job may wait for beside its time."""

    JOBS = "jobs", "Other jobs"
    EVENT = "event", "An event"


#: Nothing but a person's redrive or retry moves a job out of these.
FINAL: Final = frozenset({Status.COMPLETED, Status.FAILED, Status.CANCELLED})

#: What a client need not wait beyond: a dead letter may yet be redriven, but not by waiting.
SETTLED: Final = FINAL | {Status.DEAD_LETTER}


class Resolution(models.TextChoices):
    """What a person decided about a dead letter; REDRIVEN becomes RESOLVED by itself when its job then completes."""

    OPEN = "open", _("Open")
    TRIAGED = "triaged", _("Triaged")
    IGNORED = "ignored", _("Ignored for now")
    REDRIVEN = "redriven", _("Redriven")
    DISCARDED = "discarded", _("Discarded")
    RESOLVED = "resolved", _("Resolved")


#: Letters that lie on the desk: seen by somebody or not, they wait for a decision.
WAITING: Final = (Resolution.OPEN, Resolution.TRIAGED)

#: Letters whose job is a dead letter still, whether they lie on the desk or come back to it later.
LIVE: Final = (*WAITING, Resolution.IGNORED)


class RedriveOutcome(models.TextChoices):
    """What became of the job after its letter was redriven; empty until it ends."""

    SUCCEEDED = "succeeded", _("It succeeded")
    DIED_AGAIN = "died_again", _("It died again")
    CANCELLED = "cancelled", _("It was cancelled")
    FAILED = "failed", _("It was given up")


class GroupStatus(models.TextChoices):
    """How far people are with a group of dead letters; a new letter makes a resolved group open again."""

    OPEN = "open", _("Open")
    TRIAGED = "triaged", _("Triaged")
    IGNORED = "ignored", _("Muted")
    RESOLVED = "resolved", _("Resolved")


class Priority(models.IntegerChoices):
    """Named levels of the 0 to 100 scale; larger runs first."""

    LOW = 2, "Low"
    NORMAL = 5, "Normal"
    HIGH = 8, "High"
    CRITICAL = 10, "Critical"


class SessionStatus(models.TextChoices):
    ACTIVE = "active", "Active"
    CLOSED = "closed", "Closed"
    EXPIRED = "expired", "Expired"  #: from its end on; the mark comes a little later


class BulkState(models.TextChoices):
    """Where a bulk operation is: a PAUSED one waits for a person; the last three are final."""

    WAITING = "waiting", "Waiting"
    RUNNING = "running", "Running"
    PAUSED = "paused", "Paused"
    COMPLETED = "completed", "Completed"
    CANCELLED = "cancelled", "Cancelled"
    FAILED = "failed", "Failed"


#: In the order in which the condition of the index of live ones names them: another one would not be recognized.
BULK_ENDED: Final = (BulkState.CANCELLED, BulkState.COMPLETED, BulkState.FAILED)
