"""What came of many payloads, within what a job's result may hold."""

import json
from collections.abc import Sequence
from typing import Any, Final

from jobs import conf
from jobs.exceptions import NonRetryableError

#: As remembered of each payload: {"done": true}, with its "result" if that is kept; {"failed": code, "message": …};
#: {"skipped": true} for one that was not begun.
Outcome = dict[str, Any]

MOST_FAILURES: Final = 100
#: The least that an entry of a failure takes, and of a result around it, in a job's result.
_BYTES_OF_FAILURE: Final = 1_600
_BYTES_AROUND: Final = 64
_MOST_NAMED: Final = 3


class PayloadsFailed(NonRetryableError):
    """Payloads of a batch failed."""


def report(job_type: str, outcomes: Sequence[Outcome], with_results: bool) -> dict[str, Any]:
    """Count what came of the payloads, and name the first failures, each by the place of its payload."""
    failed = [(place, outcome) for place, outcome in enumerate(outcomes) if "failed" in outcome]
    succeeded = sum("done" in outcome for outcome in outcomes)
    most = min(MOST_FAILURES, conf.result_max_bytes() // 4 // _BYTES_OF_FAILURE)
    told: dict[str, Any] = {
        "job_type": job_type,
        "total": len(outcomes),
        "succeeded": succeeded,
        "failed": len(failed),
        "skipped": len(outcomes) - succeeded - len(failed),
        "failures": [
            {"index": place, "code": outcome["failed"], "message": outcome["message"]}
            for place, outcome in failed[:most]
        ],
        "failures_left_out": max(0, len(failed) - most),
    }
    if with_results:
        kept = _fitting(outcomes)
        told |= {"results": kept, "results_left_out": succeeded - len(kept)}
    return told


def summary(outcomes: Sequence[Outcome]) -> str:
    """Say in a sentence how many failed, and why the first ones did."""
    failed = [(place, outcome) for place, outcome in enumerate(outcomes) if "failed" in outcome]
    skipped = sum("skipped" in outcome for outcome in outcomes)
    named = "; ".join(f"no. {place}: {outcome['message']}" for place, outcome in failed[:_MOST_NAMED])
    return f"{len(failed)} of {len(outcomes)} payloads failed and {skipped} were not begun. {named}"


def _fitting(outcomes: Sequence[Outcome]) -> list[dict[str, Any]]:
    """Give the results in order as long as half of the job's own result holds them."""
    room = conf.result_max_bytes() // 2
    kept = []
    for place, outcome in enumerate(outcomes):
        if "done" not in outcome:
            continue
        result = outcome.get("result")
        room -= len(json.dumps(result, ensure_ascii=False).encode()) + _BYTES_AROUND
        if room < 0:
            break
        if "result" in outcome:
            kept.append({"index": place, "result": result})
    return kept
