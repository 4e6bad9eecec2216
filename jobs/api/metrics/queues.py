"""How full queues are, and what more workers could begin."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from django.db.models import Count
from prometheus_client.core import GaugeMetricFamily, Metric

from jobs import queues
from jobs.backlog import look_at_backlog
from jobs.languages import is_foreign
from jobs.models import Job
from jobs.queues import QueueSnapshot
from jobs.statuses import Status

#: Names of queues come from callers: those with the fewest jobs beyond so many are shown together, under this name.
MOST: Final = 200
OTHER: Final = "_other"
#: Each takes probes of its own: only those with the most jobs are looked at.
MOST_BACKLOGS: Final = 50


def metrics() -> Iterator[Metric]:
    depth = GaugeMetricFamily("ekiden_queue_depth", "Pending jobs, counted up to 100000.", labels=["queue"])
    age = GaugeMetricFamily(
        "ekiden_queue_oldest_age_seconds", "How long the job that is due longest has been due.", labels=["queue"]
    )
    running = GaugeMetricFamily("ekiden_queue_processing", "Jobs that are being run.", labels=["queue"])
    paused = GaugeMetricFamily("ekiden_queue_paused", "1 while the queue is paused.", labels=["queue"])
    waiting = GaugeMetricFamily(
        "ekiden_queue_waiting", "Jobs that wait for other jobs or an event, counted up to 10000.", labels=["queue"]
    )
    found = queues.snapshot()
    for queue in _bounded(found):
        depth.add_metric([queue.name], queue.depth)
        age.add_metric([queue.name], queue.oldest_age_seconds)
        running.add_metric([queue.name], queue.processing)
        paused.add_metric([queue.name], int(queue.paused))
        waiting.add_metric([queue.name], queue.waiting)
    yield from (depth, age, running, paused, waiting)
    yield from _backlog(found)
    yield _running()


def _backlog(snapshots: list[QueueSnapshot]) -> Iterator[Metric]:
    age = GaugeMetricFamily(
        "ekiden_queue_backlog_age_seconds",
        "How long the job that another worker could begin has been due; what to scale by.",
        labels=["queue"],
    )
    due = GaugeMetricFamily(
        "ekiden_queue_backlog_jobs", "Jobs that more workers could begin now, counted up to 10000.", labels=["queue"]
    )
    ours = [queue for queue in snapshots if not is_foreign(queue.name)]
    longest = sorted(ours, key=lambda queue: (-queue.depth, queue.name))[:MOST_BACKLOGS]
    for one in look_at_backlog(queue.name for queue in longest) if longest else ():
        age.add_metric([one.queue], one.age_seconds)
        due.add_metric([one.queue], one.due)
    yield from (age, due)


def _running() -> Metric:
    running = GaugeMetricFamily("ekiden_jobs_running", "Jobs that are being run.", labels=["queue", "job_type"])
    jobs = Job.objects.filter(status=Status.PROCESSING).order_by()
    most = jobs.values_list("queue", "job_type").annotate(number=Count("pk")).order_by("-number")[:MOST]
    for queue, job_type, number in most:
        running.add_metric([queue, job_type], number)
    return running


def _bounded(found: list[QueueSnapshot]) -> list[QueueSnapshot]:
    found = sorted(found, key=lambda queue: (-queue.depth, queue.name))
    named, others = found[:MOST], found[MOST:]
    if others:
        together = QueueSnapshot(
            OTHER,
            sum(queue.depth for queue in others),
            max(queue.oldest_age_seconds for queue in others),
            sum(queue.processing for queue in others),
            paused=False,
        )
        named.append(replace(together, waiting=sum(queue.waiting for queue in others)))
    return sorted(named, key=lambda queue: queue.name)
