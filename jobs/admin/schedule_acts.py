"""What operators do to schedules."""

from functools import partial
from typing import Any, Final
from uuid import UUID

from django.utils.translation import gettext_lazy as _

from jobs import schedules
from jobs.admin.acts import Act
from jobs.admin.schedule_backfill import BackfillForm, SkipForm
from jobs.admin.schedule_forms import ScheduleChangeForm
from jobs.admin.schedule_state import is_fixed
from jobs.models import Schedule


def _switch(pk: UUID, actor: Any, reason: str = "", *, is_active: bool) -> Schedule:
    return schedules.change(pk, actor, reason=reason, is_active=is_active)


EDIT: Final = Act(
    "edit",
    _("Edit"),
    "",
    schedules.change,
    _("The schedule is changed."),
    form=ScheduleChangeForm,
    offered=lambda schedule: not schedule.is_deleted and not is_fixed(schedule),
)
RUN: Final = Act(
    "run",
    _("Run now"),
    _("Its job is submitted at once, whatever its times are, and even if it is paused. They stay as they are."),
    schedules.run_now,
    _("Its job is submitted."),
    offered=lambda schedule: not schedule.is_deleted,
)
SKIP: Final = Act(
    "skip-next",
    _("Skip next"),
    _("Its next time makes no job. The one behind it stays as it is."),
    schedules.skip_next,
    _("Its next time is skipped."),
    form=SkipForm,
    offered=lambda schedule: schedule.next_run_at is not None and not schedule.is_deleted,
)
#: Asks on a page of its own.
BACKFILL: Final = Act(
    "backfill",
    _("Backfill"),
    "",
    schedules.backfill,
    "",
    form=BackfillForm,
    offered=lambda schedule: not schedule.is_deleted and schedule.schedule_interval != {"type": "manual"},
)
ACTS: Final = (
    EDIT,
    RUN,
    SKIP,
    BACKFILL,
    Act(
        "pause",
        _("Pause"),
        _("Its times make no jobs any more. Those it has made go on."),
        partial(_switch, is_active=False),
        _("The schedule is paused."),
        offered=lambda schedule: schedule.is_active and not schedule.is_deleted,
    ),
    Act(
        "resume",
        _("Resume"),
        _("Its times make jobs again, from the next one to come on: none of the past is made up for."),
        partial(_switch, is_active=True),
        _("The schedule is active."),
        offered=lambda schedule: not schedule.is_active and not schedule.is_deleted,
    ),
    Act(
        "delete",
        _("Delete"),
        _("It makes no jobs any more, and is found among the deleted ones. The jobs it has made go on."),
        schedules.soft_delete,
        _("The schedule is deleted."),
        danger=True,
        offered=lambda schedule: not schedule.is_deleted and not is_fixed(schedule),
    ),
    Act(
        "restore",
        _("Restore"),
        _("It is there again. Its next time is one to come: none of the past is made up for."),
        schedules.restore,
        _("The schedule is restored."),
        offered=lambda schedule: schedule.is_deleted,
    ),
)
