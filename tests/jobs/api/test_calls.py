"""What views say of calls reaches the request log, from threads and from the event loop."""

import asyncio
import json
from typing import Any
from uuid import UUID

import pytest

from jobs.models import Job
from jobs.testing import drain
from tests.jobs.api.test_invoke_waiting import invoke
from tests.jobs.api.test_waiting import Scene, play  # noqa: F401 - a fixture

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_call_that_waits_is_one_row_with_its_result(play: Any, recorded_rows: list[Any]) -> None:  # noqa: F811
    async def scenario(scene: Scene) -> None:
        answer = asyncio.create_task(invoke(scene, {"text": "hi"}, query="?wait=30"))
        await scene.when_somebody_waits(drain)
        assert (await asyncio.wait_for(answer, 10)).status_code == 200

    play(scenario)
    # The view and what drained the queue tell of it, in either order.
    row, ending = sorted(recorded_rows, key=lambda each: hasattr(each, "ended"))
    assert ending.ended.attempt.id == str(row.id)
    assert row.id == Job.objects.get().pk
    assert (row.status_code, row.language_title, row.cached) == (200, "python-echo", False)
    assert (row.request_payload, row.response_payload) == ('{"text":"hi"}', '"hi"')


def test_a_call_that_is_not_waited_for_is_open(play: Any, recorded_rows: list[Any]) -> None:  # noqa: F811
    async def scenario(scene: Scene) -> None:
        assert (await invoke(scene, {"text": "hi"})).status_code == 202
        assert (await invoke(scene, {"times": "x"})).status_code == 422
        assert (await invoke(scene, {}, name="python-nothing")).status_code == 404

    play(scenario)
    assert [row.status_code for row in recorded_rows] == [202, 422, 404]
    assert recorded_rows[0].id == Job.objects.get().pk
    assert all(isinstance(row.id, UUID) and row.response_payload is None for row in recorded_rows)
    assert [json.loads(row.error_details)["code"] for row in recorded_rows[1:]] == [
        "invalid-payload",
        "unknown-function",
    ]
