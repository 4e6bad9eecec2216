"""A morning's edition: a workflow of eight steps, some done, one given up, some that wait."""

from typing import Any

from jobs.enqueue import After, NewJob
from jobs.models import Batch
from jobs.releasing import release_waiting
from jobs.workflows import Step, enqueue_workflow
from tests.jobs.rows import fail, finish, start


def build(operator: Any) -> Batch:
    """Submit it, and let it get as far as its middle."""
    read, sum_up = NewJob("extract_content", {"html": "駅伝"}), NewJob("summarize", {"content": "駅伝"})
    flow = enqueue_workflow(
        {
            "fetch-front-page": Step(read, on_failure="tell-the-night-desk"),
            "fetch-weather": Step(read),
            "fetch-sports": Step(read),
            "summarize-front-page": Step(sum_up, ["fetch-front-page"]),
            "summarize-sports": Step(sum_up, ["fetch-sports"]),
            "tell-the-night-desk": Step(sum_up),
            "lay-out-the-morning-edition": Step(
                sum_up, ["summarize-front-page", "summarize-sports", After("fetch-weather", "ended")]
            ),
            "send-to-the-printer": Step(sum_up, ["lay-out-the-morning-edition"]),
        },
        name="morning edition",
        user=operator,
    )
    for step in ("fetch-front-page", "fetch-sports"):
        finish(flow.jobs[step].fetch(), {"text": "駅伝"})
    fail(flow.jobs["fetch-weather"].fetch(), retryable=False)
    release_waiting()
    start(flow.jobs["summarize-front-page"].fetch())
    return flow.fetch()
