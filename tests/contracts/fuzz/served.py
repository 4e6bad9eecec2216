"""The web process as it is, but with short patience: nobody will run the jobs that the fuzzer waits for."""

from config.asgi import application  # isort: skip - sets Django up

from accounts import rate_limits
from jobs.api import events, waiting

events.STREAM_SECONDS = 0.1  # type: ignore[misc]
waiting.MAX_SECONDS = 0.1  # type: ignore[misc]
# Wrong keys are refused as often as the fuzzer tries them.
rate_limits.FAILED_LOGINS_PER_MINUTE = 1_000_000  # type: ignore[misc]

__all__ = ["application"]
