"""The figures of the API as lines for people, to be quoted as they are."""

from collections.abc import Iterator
from typing import Any, Final

_LOADS: Final = {
    "create": "submit a job",
    "status": "look at a job",
    "create_flat_out": "submit, flat out",
    "status_flat_out": "look, flat out",
    "limit": "highest rate within 50 ms",
}


def table(figures: dict[str, Any]) -> str:
    """Give one line per load, then what is met of the aims, and the machine."""
    return "\n".join([*_head(figures), *_loads(figures), *_summaries(figures), *_soak(figures), *_tail(figures)])


def _head(figures: dict[str, Any]) -> Iterator[str]:
    setting = [f"{figures['clients']} clients"]
    if "role" in figures:
        setting += [f"web processes {figures['web_processes']} as {figures['role']}", f"workers {figures['workers']}"]
    yield ", ".join(setting)


def _loads(figures: dict[str, Any]) -> Iterator[str]:
    for name, label in _LOADS.items():
        if name not in figures:
            continue
        load = figures[name]
        if "p99_ms" not in load:
            yield f"{label:28} none: p99 is over 50 ms at every rate"
            continue
        times = "  ".join(f"p{cut} {load[f'p{cut}_ms']:.1f}" for cut in (50, 95, 99))
        late = "" if load["kept_up"] else "  did not keep up"
        rate = load.get("rate", load["per_s"])
        yield f"{label:28} {rate:>7.1f}/s  {times} ms  errors {load['errors']}{_processor(load)}{late}"


def _processor(load: dict[str, Any]) -> str:
    if "web_cpu_percent" not in load:
        return ""
    parts = (f"{name} {load[f'{name}_cpu_percent']:.0f}%" for name in ("client", "web", "machine"))
    return f"  (of a core: {', '.join(parts)})"


def _summaries(figures: dict[str, Any]) -> Iterator[str]:
    if "summary" not in figures:
        return
    one, many = figures["summary"], figures["at_once"]
    yield f"{'summary, submitted to done':28} p50 {one['p50_ms']:.0f}  longest {one['max_ms']:.0f} ms"
    yield (
        f"{'summaries at once':28} {many['completed']} of {many['jobs']} in {many['seconds']:.1f} s,"
        f" {many['per_hour']:,.0f} an hour"
    )


def _soak(figures: dict[str, Any]) -> Iterator[str]:
    if "soak" not in figures:
        return
    soak = figures["soak"]
    yield (
        f"{soak['seconds'] / 60:.1f} minutes, {soak['rate'] * 60:.0f} articles a minute: {soak['articles_done']} of"
        f" {soak['articles']} done, the last {soak['drained_after_s']:.1f} s after the end; dead letters"
        f" {soak['dead_letters']}, retries {soak['retries']}, errors {soak['submitted']['errors']}, left in the queue"
        f" {soak['left_in_queue']}"
    )
    yield f"{'submitting an article':28} {_cuts(soak['submitted'], '_ms')}"
    yield f"{'from there to its end':28} {_cuts(soak['article_ms'])}  longest {soak['article_ms']['max']:.0f} ms"
    for job_type, stage in soak["stages"].items():
        yield f"  {job_type:26} ran {_cuts(stage['run_ms'])}, after waiting {_cuts(stage['wait_ms'])}"
    for name, label in (("web_mb", "web"), ("workers_mb", "workers")):
        if readings := soak["memory"][name]:
            yield f"memory of {label:18} {' → '.join(f'{reading:.0f}' for reading in readings)} MB"


def _cuts(times: dict[str, float], suffix: str = "") -> str:
    return "  ".join(f"{cut} {times[f'{cut}{suffix}']:.0f}" for cut in ("p50", "p95", "p99")) + " ms"


def _tail(figures: dict[str, Any]) -> Iterator[str]:
    yield ", ".join(f"{goal}: {'yes' if met else 'NO'}" for goal, met in figures["goals"].items())
    yield ", ".join(f"{key} {value}" for key, value in figures["machine"].items())
