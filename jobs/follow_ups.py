"""Jobs that a handler submits together with its outcome, and only with a good one."""

from typing import Any, Final

from jobs import catalogue
from jobs.drafts import Draft, drafts_of
from jobs.exceptions import InvalidOption
from jobs.new_job import Enqueued
from jobs.options import Options
from jobs.outcomes import Attempt

MOST_FOLLOW_UPS: Final = 10_000


class FollowUps:
    """Collects what one attempt wants to submit; checked here, written with the outcome."""

    def __init__(self, attempt: Attempt) -> None:
        self._attempt = attempt
        self.drafts: list[Draft] = []

    def add(self, job_type: str, payload: dict[str, Any], chosen: Options) -> Enqueued:
        """Take note of a job and give the id it will have; raises as enqueue does."""
        if len(self.drafts) >= MOST_FOLLOW_UPS:
            raise InvalidOption("follow_ups", f"must be at most {MOST_FOLLOW_UPS:,}; submit a batch instead.")
        drafts = drafts_of(catalogue.job_type(job_type), payload, chosen)
        if drafts[0].row.get("unique_mode") == "raise":
            # Nobody is there any more to be told when the outcome is written.
            raise InvalidOption("unique", "mode raise cannot be heeded when the job is submitted with the outcome.")
        if self._attempt.user_id:
            for draft in drafts:
                draft.row.setdefault("user_id", self._attempt.user_id)
        self.drafts += drafts
        return Enqueued(drafts[0].id)
