"""The request log's figures at /metrics."""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Final

from django.db import router
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from accounts.row_security import acting_as_system
from analytics import partitions
from analytics.models import RecorderAlarm
from analytics.models.alarm import DROPPED, MISSING_PARTITION
from analytics.recorder import recorder

ALARMS: Final = {
    DROPPED: "Rows of the request log that were given up, in all processes.",
    MISSING_PARTITION: "Times that rows came for which there was no partition.",
}


class LogCollector(Collector):
    """Alarms of all processes; the buffer and the rows are those of the process that is asked."""

    def describe(self) -> Iterable[Metric]:
        """Nothing: else registering would ask the database at import."""
        return []

    def collect(self) -> Iterator[Metric]:
        alias = router.db_for_read(RecorderAlarm)
        with acting_as_system(using=alias):
            counts = dict(RecorderAlarm.objects.using(alias).values_list("name", "count"))
            ahead = partitions.months_ahead(datetime.now(UTC))
        for name, text in ALARMS.items():
            value = counts.get(name, 0) + recorder.alarms[name]
            yield CounterMetricFamily(f"ekiden_{name}", text, value=value)
        yield CounterMetricFamily(
            "ekiden_request_logs_recorded", "Rows that this process has written.", value=recorder.recorded
        )
        yield CounterMetricFamily(
            "ekiden_request_logs_write_failures", "Times that this process tried again.", value=recorder.failures
        )
        yield GaugeMetricFamily("ekiden_request_logs_buffered", "Rows that wait in this process.", value=recorder.held)
        yield GaugeMetricFamily(
            "ekiden_request_log_months_ahead", "Whole months after the running one that have partitions.", value=ahead
        )


collector: Final = LogCollector()
