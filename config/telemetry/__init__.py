"""Traces of requests and jobs for OpenTelemetry: nothing of it is imported unless its own variables ask for traces."""

from importlib.util import find_spec


def installed() -> bool:
    """Tell whether the extra `telemetry` is there; the API alone comes with other packages too."""
    return find_spec("opentelemetry") is not None and find_spec("opentelemetry.sdk") is not None
