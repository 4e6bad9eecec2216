"""Jobs that a handler submits together with its outcome, and only with a good one."""

from functools import cached_property
from typing import Any, Final

from accounts.models import User
from jobs import catalogue, tracing
from jobs.drafts import Draft, drafts_of
from jobs.exceptions import InvalidOption
from jobs.new_job import Enqueued
from jobs.options import Options
from jobs.outcomes import Attempt
from jobs.registry import JobType

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
        found = catalogue.job_type(job_type)
        if isinstance(found, JobType) and found.priority_of and self._attempt.user_id and "user" not in chosen:
            chosen = {**chosen, "user": self._owner}
        drafts = drafts_of(found, payload, chosen)
        if drafts[0].row.get("unique_mode") == "raise":
            # Nobody is there any more to be told when the outcome is written.
            raise InvalidOption("unique", "mode raise cannot be heeded when the job is submitted with the outcome.")
        if self._attempt.user_id:
            for draft in drafts:
                draft.row.setdefault("user_id", self._attempt.user_id)
        # Here, where the attempt's trace is: the worker writes them in another thread.
        with tracing.sending([draft.row for draft in drafts]):
            self.drafts += drafts
        return Enqueued(drafts[0].id)

    @cached_property
    def _owner(self) -> User | None:
        owner = self._attempt.user_id
        return User.objects.filter(pk=owner).first() if owner else None
