"""Keeps the results of functions that declare a cache time; jobs of others cost one look at an empty dict."""

import json
from collections.abc import Iterable

from jobs import result_cache
from jobs.languages import PYTHON, language_title
from jobs.outcomes import Attempt, Completed, Outcome
from jobs.registry import registry


def keep_results(outcomes: Iterable[tuple[Attempt, Outcome]]) -> None:
    """Keep what has completed, before it is recorded."""
    if not registry.cached:
        return
    for attempt, outcome in outcomes:
        job_type = registry.cached.get(attempt.job_type)
        if job_type is None or not isinstance(outcome, Completed) or not job_type.cache_seconds:
            continue
        name = language_title(PYTHON, job_type.name)
        payload = json.loads(attempt.payload)
        if job_type.cacheable is not None and not job_type.cacheable(payload):
            continue
        result_cache.store(name, job_type.version, payload, outcome.result, job_type.cache_seconds)
