"""What the page of one group shows beside its counts: how it grows, whose jobs died, where, and what people did."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from jobs.admin.charts import Frame, Line, bar_chart, sparkline
from jobs.dead_letter_trends import Trend
from jobs.models import BulkOperation, DeadLetter, DeadLetterGroup, DeadLetterTrait
from jobs.models.dead_letter_group import MOST_USERS
from jobs.statuses import RedriveOutcome, Resolution

#: The newest letters of a group that are looked at for names and for what became of redrives.
LOOKED_AT: Final = 1_000
NAMES: Final = 12
TRAITS: Final = 8
#: The newest operations among which those on this group are looked for.
OPERATIONS: Final = 200


def small(trend: Trend) -> SafeString:
    """Draw the last week, a point for every six hours."""
    return sparkline(trend.coarse(6), growth(trend), tone="bad")


def growth(trend: Trend) -> str:
    """Say how the group grows."""
    return _("%(hour)s this hour, %(day)s in 24 hours, %(week)s in 7 days") % {
        "hour": f"{trend.hour:,}",
        "day": f"{trend.day:,}",
        "week": f"{trend.week:,}",
    }


def large(trend: Trend) -> SafeString:
    """Draw the last week, a bar for every two hours."""
    counts = trend.coarse(2)
    at = [trend.since + timedelta(hours=2 * place) for place in range(len(counts))]
    frame = Frame(_("Dead letters of this group that came in"), at, 120, lambda value: f"{value:,.0f}", whole=True)
    return bar_chart(frame, [Line(_("Dead letters"), counts, tone="bad")])


def users(count: int) -> str:
    """Say how many users are affected, as far as they are counted."""
    if count >= MOST_USERS:
        return _("%(count)s or more users") % {"count": f"{count:,}"}
    return ngettext("%(count)s user", "%(count)s users", count) % {"count": f"{count:,}"}


def traits(fingerprint: str) -> dict[str, list[DeadLetterTrait]]:
    """Give the versions and queues that letters of the group died under and in, the latest first."""
    found = DeadLetterTrait.objects.filter(error_fingerprint=fingerprint, kind__in=["version", "queue"])
    rows = list(found.order_by("-last_seen_at")[:200])
    return {kind: [row for row in rows if row.kind == kind][:TRAITS] for kind in ("version", "queue")}


@dataclass(frozen=True, slots=True)
class Newest:
    """What is known of the newest letters of a group, read in one walk along its index."""

    looked_at: int
    #: Whose jobs died last.
    users: Sequence[str]
    redriven: int
    #: Label, count and the tone of each outcome of the redriven ones.
    outcomes: Sequence[tuple[str, int, str]]


def newest(fingerprint: str) -> Newest:
    """Name the users of the newest letters, and count what became of those that were redriven."""
    letters = DeadLetter.objects.filter(error_fingerprint=fingerprint).order_by("-id")
    rows = list(letters.values_list("resolution_status", "redrive_outcome", "user__user_id")[:LOOKED_AT])
    redriven = [outcome for state, outcome, _name in rows if outcome or state == Resolution.REDRIVEN]
    counts = Counter(redriven)
    tones = {RedriveOutcome.SUCCEEDED: "good", RedriveOutcome.DIED_AGAIN: "bad"}
    parts = [(str(word.label), counts[word.value], tones.get(word, "rest")) for word in RedriveOutcome]
    users = list(dict.fromkeys(name for _state, _outcome, name in rows if name))[:NAMES]
    return Newest(len(rows), users, len(redriven), [*parts, (_("Not ended yet"), counts[""], "busy")])


def operations(fingerprint: str) -> list[BulkOperation]:
    """Give what was done to all letters of the group at once, the latest first."""
    latest = BulkOperation.objects.filter(target="dead_letter").order_by("-id")[:OPERATIONS]
    return [each for each in latest if _about(each.selector, fingerprint)][:10]


def _about(selector: Any, fingerprint: str) -> bool:
    wanted = selector.get("filter") if isinstance(selector, dict) else None
    return isinstance(wanted, dict) and wanted.get("fingerprint") == fingerprint


def sample(group: DeadLetterGroup) -> list[DeadLetter]:
    """Give the newest letters of the group that lie on the desk; of a group that has none there, the newest at all."""
    columns = ("error_message", "moved_at", "resolution_status", "occurrence", "queue", "user__user_id", "version")
    letters = DeadLetter.objects.open() if group.open_count else DeadLetter.objects.all()
    of_group = letters.filter(error_fingerprint=group.pk).select_related("user").only(*columns)
    return list(of_group.order_by("-id")[:10])
