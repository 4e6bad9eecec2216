"""The figures as lines for people."""

from typing import Any, Final

_LINES: Final = (
    ("enqueue_single_per_s", "enqueue, one by one", "jobs/s"),
    ("enqueue_single_floor_per_s", "  bare INSERT", "jobs/s"),
    ("enqueue_single_ratio", "  ratio", ""),
    ("enqueue_bulk_per_s", "enqueue, in bulk", "jobs/s"),
    ("enqueue_bulk_over_single", "  over one by one", "times"),
    ("drain_floor_per_s", "claim and complete, bare SQL", "jobs/s"),
    ("drain_per_s", "drain, coroutines", "jobs/s"),
    ("drain_ratio", "  ratio", ""),
    ("drain_thread_per_s", "drain, threads", "jobs/s"),
    ("drain_thread_ratio", "  ratio", ""),
    ("drain_processes_per_s", "drain, several processes", "jobs/s"),
    ("drain_processes_ratio", "  over one process", "times"),
    ("worker_rss_mb", "a worker's peak memory", "MB"),
)

#: Printed below those, each figure by its own name.
_GROUPS: Final = (
    *("latency_ms", "latency_from_call_ms", "history", "pruning", "fan_in", "blocked", "similarity", "snapshot"),
)


def table(figures: dict[str, Any]) -> str:
    """Give one line per figure."""
    lines = [_line(label, figures[key], unit) for key, label, unit in _LINES if key in figures]
    for group in (
        "latency_ms",
        "latency_from_call_ms",
        "history",
        "pruning",
        "fan_in",
        "blocked",
        "similarity",
        "snapshot",
    ):
        lines += [_line(f"{group}, {key}", value, "") for key, value in figures.get(group, {}).items()]
    for flight, values in figures.get("api", {}).items():
        lines += [_line(f"api, {flight}, {key}", value, "") for key, value in values.items()]
    return "\n".join([*lines, "", ", ".join(f"{key} {value}" for key, value in figures["machine"].items())])


def _line(label: str, value: float, unit: str) -> str:
    return f"{label:34}{value:>14,.{0 if value >= 100 else 2}f} {unit}"
