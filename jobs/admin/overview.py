from dataclasses import dataclass

from django.db.models import Sum

from jobs.admin.worker import with_state
from jobs.models import DeadLetterGroup, Schedule, Worker
from jobs.queues import QueueSnapshot, snapshot


@dataclass(frozen=True, slots=True)
class Overview:
    """What an operator wants to know first; every number is read from small tables or live indexes."""

    queues: list[QueueSnapshot]
    open_letters: int
    groups: list[DeadLetterGroup]
    workers: dict[str, int]
    failing_schedules: int

    @property
    def waiting(self) -> int:
        return sum(queue.depth for queue in self.queues)

    @property
    def running(self) -> int:
        return sum(queue.processing for queue in self.queues)

    @property
    def oldest(self) -> float:
        return max((queue.oldest_age_seconds for queue in self.queues), default=0.0)

    @property
    def paused(self) -> list[QueueSnapshot]:
        return [queue for queue in self.queues if queue.paused]


def overview() -> Overview:
    """Look at the whole queue at a glance, in five queries."""
    groups = DeadLetterGroup.objects.filter(open_count__gt=0)
    states: dict[str, int] = {"alive": 0, "silent": 0}
    for state in with_state(Worker.objects.running()).values_list("state", flat=True)[:10_000]:
        states[state] += 1
    return Overview(
        queues=snapshot(),
        open_letters=groups.aggregate(letters=Sum("open_count"))["letters"] or 0,
        groups=list(groups.order_by("-last_seen_at")[:5]),
        workers=states,
        failing_schedules=Schedule.objects.visible().filter(is_active=True).exclude(last_error="").count(),
    )
