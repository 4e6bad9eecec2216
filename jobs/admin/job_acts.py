"""Everything that people do to one job from its page."""

import uuid
from typing import Any, Final

from django.utils.timezone import now
from django.utils.translation import gettext_lazy as _

from jobs import control, events
from jobs.admin.acts import Act
from jobs.admin.forms import EventForm, VersionedPriorityForm
from jobs.admin.job_forms import MoveForm, RescheduleForm
from jobs.admin.tasks import has_tasks_to_forget
from jobs.statuses import FINAL, Status
from jobs.tasks.forgetting import forget


def _in(*statuses: Status) -> Any:
    def offered(job: Any) -> bool:
        asked_to_stop = job.status == Status.PROCESSING and job.cancel_requested_at
        return job.status in statuses and not asked_to_stop and not job.is_deleted

    return offered


def _waits_for_its_time(job: Any) -> bool:
    return bool(_in(Status.PENDING)(job) and (job.scheduled_at > now() or job.waits_for))


def _send(job_id: uuid.UUID, actor: Any, name: str, payload: dict[str, Any]) -> None:
    events.send(job_id, name, payload, actor)


ACTS: Final = (
    Act(
        "retry",
        _("Run again"),
        _("The job starts anew with all its retries and is due at once. Its history stays, and when it was submitted."),
        control.retry,
        _("The job is pending and due now."),
        offered=_in(Status.FAILED, Status.CANCELLED),
    ),
    Act(
        "run-now",
        _("Run now"),
        _("The job is due at once. One that waits for other jobs or an event goes on waiting for them."),
        control.retry,
        _("The job is due now."),
        offered=_waits_for_its_time,
    ),
    Act(
        "reschedule",
        _("Reschedule"),
        _("The job does not start before the time that you give. Only pending jobs can be put off."),
        control.change,
        _("The job is rescheduled."),
        form=RescheduleForm,
        offered=_in(Status.PENDING),
    ),
    Act(
        "priority",
        _("Change priority"),
        _("Only pending jobs can change their place in the queue."),
        control.change,
        _("The priority is changed."),
        form=VersionedPriorityForm,
        offered=_in(Status.PENDING),
    ),
    Act(
        "move",
        _("Move to another queue"),
        _("Workers that listen to that queue take it then, under that queue's limits. Only pending jobs can be moved."),
        control.change,
        _("The job is in the other queue."),
        form=MoveForm,
        offered=_in(Status.PENDING),
    ),
    Act(
        "event",
        _("Send an event"),
        _("A job that waits for an event of this name goes on; any other finds it when its handler asks."),
        _send,
        _("The event is sent."),
        form=EventForm,
        offered=_in(Status.PENDING, Status.PROCESSING),
    ),
    Act(
        "forget",
        _("Forget its tasks"),
        _("What its handler has finished is forgotten: the job will begin at its first task."),
        forget,
        _("The job has forgotten its tasks."),
        danger=True,
        offered=has_tasks_to_forget,
    ),
    Act(
        "cancel",
        _("Cancel"),
        _("A pending job is cancelled at once. A running one is asked to stop and ends when its handler notices."),
        control.cancel,
        _("Cancelled, or asked to stop if it runs."),
        danger=True,
        offered=_in(Status.PENDING, Status.PROCESSING),
    ),
    Act(
        "delete",
        _("Delete"),
        _("It is hidden from its owner and from lists until somebody restores it. A pending one is cancelled."),
        control.soft_delete,
        _("The job is deleted. It can be restored."),
        danger=True,
        offered=_in(*FINAL, Status.PENDING),
    ),
    Act(
        "restore",
        _("Restore"),
        _("It is there again, as it ended. One that was pending when it was deleted stays cancelled."),
        control.restore,
        _("The job is restored."),
        offered=lambda job: job.is_deleted,
    ),
)
