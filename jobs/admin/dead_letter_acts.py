"""What people do to one dead letter, and to a group of them."""

from typing import Any, Final

from django.utils.translation import gettext_lazy as _

from jobs import dead_letter_groups, dead_letters, triage
from jobs.admin.acts import Act
from jobs.admin.triage_forms import DiscardForm, IgnoreForm, MuteForm, RedriveForm, ResolveForm, SettleForm
from jobs.statuses import LIVE, GroupStatus, Resolution


def is_live(letter: Any) -> bool:
    """Tell whether the letter's job is a dead letter still."""
    return letter.resolution_status in LIVE


def _is(*states: str) -> Any:
    return lambda row: (row.resolution_status if hasattr(row, "resolution_status") else row.status) in states


LETTER: Final = (
    Act(
        "redrive",
        _("Redrive"),
        _("The job is pending again and due now, with all its retries and the payload it died of."),
        dead_letters.redrive,
        _("Redriven: the job is pending again."),
        form=RedriveForm,
        offered=is_live,
    ),
    Act(
        "resolve",
        _("Resolve"),
        _("The work was done by other means: the job counts as completed."),
        dead_letters.resolve,
        _("Resolved: the job counts as completed."),
        form=ResolveForm,
        offered=is_live,
    ),
    Act(
        "discard",
        _("Discard"),
        _("The job is given up for good: its status becomes failed. It can still be run again from its own page."),
        dead_letters.discard,
        _("Discarded: the job has failed."),
        form=DiscardForm,
        danger=True,
        offered=is_live,
    ),
    Act(
        "triage",
        _("Triage"),
        _("It says that somebody has looked at the letter. It stays on the desk, and its job a dead letter."),
        triage.triage,
        _("Triaged: somebody has looked at it."),
        form=SettleForm,
        offered=_is(Resolution.OPEN, Resolution.IGNORED),
    ),
    Act(
        "ignore",
        _("Ignore for a time"),
        _("The letter leaves the desk and comes back open. Its job stays a dead letter meanwhile."),
        triage.ignore,
        _("Ignored for now: it comes back to the desk by itself."),
        form=IgnoreForm,
        offered=_is(Resolution.OPEN, Resolution.TRIAGED),
    ),
    Act(
        "reopen",
        _("Reopen"),
        _("The letter lies among the open ones again."),
        triage.reopen,
        _("It is open again."),
        offered=_is(Resolution.TRIAGED, Resolution.IGNORED),
    ),
)

GROUP: Final = (
    Act(
        "triage",
        _("Triage"),
        _("It says that somebody has looked at the group. Its letters stay as they are."),
        dead_letter_groups.triage,
        _("Triaged: somebody has looked at the group."),
        offered=_is(GroupStatus.OPEN, GroupStatus.IGNORED),
    ),
    Act(
        "mute",
        _("Mute"),
        _("The group leaves the desk and comes back by itself. Its letters stay open, and new ones are counted."),
        dead_letter_groups.mute,
        _("Muted: the group comes back to the desk by itself."),
        form=MuteForm,
        offered=_is(GroupStatus.OPEN, GroupStatus.TRIAGED),
    ),
    Act(
        "settle",
        _("Mark as resolved"),
        _("It says that the cause is gone. The next letter of it opens the group again."),
        dead_letter_groups.resolve,
        _("Resolved: the next letter of it opens the group again."),
        offered=lambda group: group.open_count == 0 and group.status != GroupStatus.RESOLVED,
    ),
    Act(
        "reopen",
        _("Reopen"),
        _("The group lies among the open ones again."),
        dead_letter_groups.reopen,
        _("The group is open again."),
        offered=_is(GroupStatus.TRIAGED, GroupStatus.IGNORED, GroupStatus.RESOLVED),
    ),
)
