"""Looking at all queues twice a minute and writing down what happened: what the console's charts are made of."""

from datetime import timedelta
from importlib.resources import files
from typing import Any, Final

from django.db import connection, transaction
from django.db.models import Count, Q, Sum
from django.db.models.functions import Now

from accounts.row_security import acting_as_system
from jobs.models import QueueMinute, Worker
from jobs.models.queue_minute import DAYS_KEPT
from jobs.queues import snapshot

CHORE: Final = "queue_history"
#: Half of the shortest time that is told, or a run that begins a little late would leave a minute without a look.
INTERVAL: Final = 30.0
#: Queues with rows of their own in one minute, as many as /metrics names.
MOST: Final = 200

_SAMPLE: Final = (files("jobs") / "sql" / "queries" / "sample_queues.sql").read_text()

# Two that look at once would both count the same; any number that nothing else uses.
_ONE_AT_A_TIME: Final = 0x656B6964656F


def sample() -> None:
    """Add what has happened since the last look to job_queue_minutes, and delete what is old enough."""
    with acting_as_system(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_ONE_AT_A_TIME])
        cursor.execute(_SAMPLE, _gauges())
    prune()


def prune() -> int:
    """Delete rows of times that are told by coarser ones, or by none any more."""
    with transaction.atomic():
        return sum(
            QueueMinute.objects.filter(grain=grain, at__lt=Now() - timedelta(days=days)).order_by().delete()[0]
            for grain, days in DAYS_KEPT.items()
        )


def _gauges() -> dict[str, Any]:
    queues = [queue for queue in snapshot() if queue.depth or queue.processing]
    gone = (Worker.Condition.SILENT, Worker.Condition.STOPPED)
    alive = Worker.objects.with_condition().exclude(Q(condition__in=gone))
    workers = alive.aggregate(number=Count("pk"), slots=Sum("concurrency"))
    return {
        "names": [queue.name for queue in queues],
        "depths": [queue.depth for queue in queues],
        "ages": [queue.oldest_age_seconds for queue in queues],
        "running": [queue.processing for queue in queues],
        "workers": workers["number"],
        "slots": workers["slots"] or 0,
        "most": MOST,
    }
