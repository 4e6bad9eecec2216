"""`/metrics` for Prometheus: read from counters and the live queue, never from history.

Counters live in tables that all processes add to, so it does not matter which of several web processes is asked.
"""

from jobs.api.metrics.collecting import collector, registry
from jobs.api.metrics.view import MetricsView

__all__ = ["MetricsView", "collector", "registry"]
