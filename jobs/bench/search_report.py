"""The figures of searches as lines for people."""

from typing import Any, Final

_LOAD: Final = (
    ("loaded_per_s", "first load", "jobs/s"),
    ("load_seconds", "  in all, comparing included", "s"),
)
_SYNC: Final = (
    ("changes_per_s", "changes", "jobs/s"),
    ("lag_p50_s", "  known to the engine, p50", "s"),
    ("lag_p95_s", "  p95", "s"),
    ("lag_p99_s", "  p99", "s"),
    ("lag_max_s", "  at most", "s"),
    ("found_p50_s", "  found by a search, p50", "s"),
    ("found_p95_s", "  p95", "s"),
    ("backlog_per_s", "a backlog, one worker", "jobs/s"),
    ("worker_peak_mb", "that worker's peak memory", "MB"),
    ("drift", "documents that were wrong after it", ""),
)
_COLUMNS: Final = ("p50_ms", "p95_ms", "p99_ms")


def table(figures: dict[str, Any]) -> str:
    """Give one line per figure, then one per query."""
    lines = [f"{figures['jobs']:,} jobs, {figures.get('engine', 'no search engine')}", ""]
    for group, known in (("load", _LOAD), ("sync", _SYNC)):
        found = figures.get(group, {})
        lines += [f"{label:40}{found[key]:>12,.2f} {unit}".rstrip() for key, label, unit in known if key in found]
    served = [name for name, query in figures["queries"].items() if query["served"]]
    lines += _queries(figures, served, "milliseconds, p50/p95/p99")
    others = [name for name in figures["queries"] if name not in served]
    lines += _queries(figures, others, "the same, where no index of PostgreSQL's serves")
    lines += ["", *(f"{'met' if met else 'NOT MET':8}{goal}" for goal, met in figures["goals"].items())]
    return "\n".join([*lines, "", ", ".join(f"{key} {value}" for key, value in figures["machine"].items())])


def _queries(figures: dict[str, Any], names: list[str], title: str) -> list[str]:
    sources = [source for source in ("elasticsearch", "postgresql") if source in figures["queries"][names[0]]]
    head = f"{title:50}{'hits':>8}" + "".join(f"{source:>30}" for source in sources)
    return ["", head, *(_query(name, figures["queries"][name], sources) for name in names)]


def _query(name: str, query: dict[str, Any], sources: list[str]) -> str:
    hits = next((query[source]["hits"] for source in sources if "hits" in query[source]), "")
    return f"  {name:48}{hits:>8}" + "".join(f"{_times(query[source]):>30}" for source in sources)


def _times(answers: dict[str, float]) -> str:
    if "p50_ms" in answers:
        return " / ".join(f"{answers[column]:,.1f}" for column in _COLUMNS)
    # Too broad for PostgreSQL, or so slow that the engine was left alone.
    word = "refused" if "refused" in answers else "fell_back"
    return f"{answers.get(word, 0):.0f} of {answers['times']:.0f} {word.replace('_', ' ')}"
