"""The request log's alarms at /metrics."""

from typing import Any

import pytest
from django.test import Client

from analytics.models import RecorderAlarm
from analytics.models.alarm import DROPPED, MISSING_PARTITION, count_alarms
from analytics.partitions import alias
from analytics.recorder import recorder

pytestmark = pytest.mark.django_db


def scraped(client: Client) -> dict[str, float]:
    text = client.get("/metrics").content.decode()
    lines = (line.rsplit(" ", 1) for line in text.splitlines() if line and not line.startswith("#"))
    return {name: float(value) for name, value in lines}


def test_alarms_of_all_processes_are_added_up(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    count_alarms({DROPPED: 3, MISSING_PARTITION: 0}, alias())
    count_alarms({DROPPED: 4, MISSING_PARTITION: 1}, alias())
    assert RecorderAlarm.objects.get(name=DROPPED).count == 7
    monkeypatch.setitem(recorder._alarms, DROPPED, 2)
    figures = scraped(client)
    assert figures["ekiden_request_logs_dropped_total"] == 9
    assert figures["ekiden_request_log_partitions_missing_total"] == 1


def test_what_this_process_holds(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recorder, "_held", 5)
    figures: dict[str, Any] = scraped(client)
    assert figures["ekiden_request_logs_buffered"] == 5
    assert figures["ekiden_request_log_months_ahead"] == 3
