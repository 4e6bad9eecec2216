"""Fields that the bodies of workers have in common."""

from typing import Any

from django.core.validators import RegexValidator
from rest_framework import serializers

from accounts.api.fields import Identifier, Number, Text, WholeNumber
from accounts.api.strict import StrictSerializer
from jobs.outcomes import Usage

WORKER_ID = RegexValidator(r"^[!-~]{1,100}\Z", "Must be 1 to 100 ASCII characters without spaces.")
#: The largest bigint.
MOST = 2**63 - 1
LONGEST_LOCK_SECONDS = 3_600


class WorkerId(Text):
    """The name that a worker process gives itself."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(
            validators=[WORKER_ID],
            help_text="Another one for every process and every start of it: its host and a random number, say.",
            **kwargs,
        )


class LockSeconds(WholeNumber):
    """How long a lock is to last."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(min_value=1, max_value=LONGEST_LOCK_SECONDS, **kwargs)


class HeldSerializer(StrictSerializer):
    """A job and the token of the claim: the two together say that it is yours."""

    job_id = Identifier()
    lock_token = WholeNumber(min_value=1, max_value=MOST)


class UsageSerializer(StrictSerializer):
    """What the attempt used, as far as the worker can tell."""

    run_ms = Number(min_value=0, max_value=1e12)
    cpu_ms = Number(required=False, min_value=0, max_value=1e12)
    memory_mb = Number(required=False, min_value=0, max_value=1e9, help_text="At its peak.")


class EndedSerializer(HeldSerializer):
    """What every end of an attempt may tell."""

    usage = UsageSerializer(required=False)


class StatusSerializer(serializers.Serializer[Any]):
    job_id = serializers.UUIDField()
    status = serializers.CharField(help_text="What the job is now.")


def usage_of(data: dict[str, Any]) -> Usage | None:
    told = data.get("usage")
    if told is None:
        return None
    cpu = told.get("cpu_ms")
    return Usage(told["run_ms"] / 1000, None if cpu is None else cpu / 1000, told.get("memory_mb"))
