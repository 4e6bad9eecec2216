"""The page of a batch: counts, and a workflow's picture."""

from typing import Any
from uuid import uuid4

import pytest

from jobs import batches
from jobs.admin import batch as page
from jobs.admin.graph import graph
from jobs.batches import enqueue_batch
from jobs.enqueue import NewJob
from jobs.models import Job
from jobs.workflows import Step, enqueue_workflow
from tests.jobs import rows

pytestmark = pytest.mark.django_db

NOTE = NewJob("note", {})
LIST = "/admin/jobs/batch/"


def test_a_workflow_is_drawn(operator: Any, note: Any) -> None:
    flow = enqueue_workflow({"first": Step(NOTE), "second": Step(NOTE, ["first"])})
    rows.finish(flow.jobs["first"].fetch())
    text = operator.get(f"{LIST}{flow.id}/change/").content.decode()
    assert text.count("<rect") == 2
    assert text.count('class="line completed"') == 1
    assert "node-completed" in text
    assert f"/admin/jobs/job/{flow.jobs['second'].id}/change/" in text
    assert "style=" not in text.partition('<svg class="graph"')[2].partition("</svg>")[0]


def test_a_large_one_is_a_table(operator: Any, note: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(page, "MOST_DRAWN", 1)
    monkeypatch.setattr(page, "MOST_LISTED", 1)
    flow = enqueue_workflow({"first": Step(NOTE), "second": Step(NOTE, ["first"])})
    text = operator.get(f"{LIST}{flow.id}/change/").content.decode()
    assert "<rect" not in text
    assert "1 more is not shown here" in text


def test_a_batch_is_cancelled_from_its_page(operator: Any, note: Any) -> None:
    batch = enqueue_batch([NOTE] * 3, name="three", on_completed=NOTE)
    assert "three" in operator.get(LIST).content.decode()
    operator.post(f"{LIST}{batch.id}/cancel/", {"reason": "enough"})
    assert batches.count(batch.fetch()).by_status["cancelled"] == 3
    assert Job.objects.filter(batch=batch.id, status="pending").count() == 1


def test_columns_follow_what_is_waited_for() -> None:
    a, b, c, outside = uuid4(), uuid4(), uuid4(), uuid4()
    drawn = graph(
        {a: "a", b: "b", c: "c"},
        {a: "completed"},
        [(b, a, "completed"), (c, b, "failed"), (c, a, "ended"), (a, outside, "ended")],
    )
    x = {node.name: node.x for node in drawn.nodes}
    assert x["a"] < x["b"] < x["c"]
    assert len(drawn.lines) == 3
    assert {node.name: node.status for node in drawn.nodes}["b"] == "gone"


def test_lines_pass_between_the_boxes_and_need_no_tall_picture() -> None:
    steps = [uuid4() for _ in range(page.MOST_DRAWN)]
    edges = [(job, other, "ended") for place, job in enumerate(steps) for other in steps[:place]]
    drawn = graph({step: str(step) for step in steps}, {}, edges)
    assert len({(node.x, node.y) for node in drawn.nodes}) == len(steps)
    assert drawn.height <= len(steps) * 64
    first, second, third = steps[:3]
    chain = [(second, first, "completed"), (third, second, "completed"), (third, first, "ended")]
    drawn = graph({first: "first", second: "second", third: "third"}, {}, chain)
    box = next(node for node in drawn.nodes if node.name == "second")
    long = next(line for line in drawn.lines if line.condition == "ended")
    assert f"{box.x} {box.y + drawn.box_height // 2}" not in long.path
    assert f"H{box.x + drawn.box_width}" in long.path


def test_a_job_shows_what_it_waits_for_and_what_waits_for_it(operator: Any, note: Any) -> None:
    flow = enqueue_workflow({"first": Step(NOTE), "second": Step(NOTE, ["first"])})
    first, second = flow.jobs["first"].fetch(), flow.jobs["second"].fetch()
    child = enqueue_batch([NOTE], parent=first).jobs[0]
    text = operator.get(f"/admin/jobs/job/{first.pk}/change/").content.decode()
    for words in ("Followed by", "Children", f"{second.pk}/change/", f"{child.id}/change/", f"batch/{flow.id}/change/"):
        assert words in text
    assert "Waits for" in operator.get(f"/admin/jobs/job/{second.pk}/change/").content.decode()
