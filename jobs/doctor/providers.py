"""Providers of summaries that do not answer, so that others do their work."""

from collections.abc import Iterator

from jobs.doctor.findings import Finding, lasting, ok, warn
from jobs.models import ProviderState
from jobs.models.columns import ClockTimestamp


def look() -> Iterator[Finding]:
    found = []
    states = list(ProviderState.objects.annotate(now=ClockTimestamp()))
    for state in states:
        if state.open_until and state.open_until > state.now:
            left = lasting((state.open_until - state.now).total_seconds())
            what = (
                f"The provider {state.name} failed {state.failures} times ({state.last_error_code or 'no word'}) and is"
                f" left alone for {left} more."
            )
            found.append(
                warn(
                    what,
                    "Look at the provider's status page, its key and AI_REQUEST_TIMEOUT; it is tried again by itself",
                )
            )
    yield from found or [ok(f"No provider of {len(states)} is left alone.")]
