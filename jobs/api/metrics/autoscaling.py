"""What supervisors that scale have, want and may have, all hosts together."""

from collections.abc import Iterator
from typing import Final

from django.db.models import Sum
from prometheus_client.core import GaugeMetricFamily, Metric

from jobs import conf
from jobs.api.metrics.workers import MISSED_BEATS
from jobs.models import Supervisor

_STATES: Final = ("least", "most", "target", "actual", "draining")


def metrics() -> Iterator[Metric]:
    heard_of = Supervisor.objects.heard_of(MISSED_BEATS * conf.heartbeat_interval())
    sums = heard_of.aggregate(**{f"all_{state}": Sum(state, default=0) for state in _STATES})
    family = GaugeMetricFamily(
        "ekiden_autoscale_processes", "Worker processes of all supervisors that scale, by state.", labels=["state"]
    )
    for state in _STATES:
        family.add_metric([state], sums[f"all_{state}"])
    yield family
