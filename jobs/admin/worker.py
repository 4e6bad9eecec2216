from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from typing import Any, Final

from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.db.models import Case, Prefetch, QuerySet, TextField, Value, When
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from jobs import conf, workers
from jobs.admin import display
from jobs.admin.acts import Act, ActingAdmin
from jobs.admin.facts import anchor
from jobs.admin.filters import Choices, FixedFilter
from jobs.admin.history import acts_on
from jobs.models import Job, ProcessingLock, Supervisor, Worker
from jobs.models.columns import ClockTimestamp

#: Jobs that the page of a worker lists, and that a list reads of all its workers together.
LISTED: Final = 100
READ: Final = 2_000
#: A clock that is further off makes times on pages and in logs mislead.
SKEWED_SECONDS: Final = 1.0


class StateFilter(FixedFilter):
    title = gettext_lazy("state")
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Choices:
        return [("alive", _("Alive")), ("silent", _("Silent")), ("stopped", _("Stopped"))]

    def narrow(self, rows: QuerySet[Any], value: str) -> QuerySet[Any]:
        return rows.filter(state=value)


class ConditionFilter(FixedFilter):
    title = gettext_lazy("state")
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Choices:
        return [(condition.value, words(condition.value)) for condition in Worker.Condition]

    def narrow(self, rows: QuerySet[Any], value: str) -> QuerySet[Any]:
        return rows.filter(condition=value)


def words(condition: str) -> str:
    """Say what a worker is now."""
    return {
        "alive": _("alive"),
        "quiet": _("quiet"),
        "draining": _("draining"),
        "silent": _("silent"),
        "stopped": _("stopped"),
    }[condition]


def with_state(workers: QuerySet[Any]) -> QuerySet[Any]:
    """Say whether each, a worker or supervisor, is alive, silent for three heartbeats, or stopped, by the database."""
    silent_since = ClockTimestamp() - timedelta(seconds=3 * conf.heartbeat_interval())
    found: QuerySet[Any] = workers.annotate(
        state=Case(
            When(stopped_at__isnull=False, then=Value("stopped")),
            When(heartbeat_at__lt=silent_since, then=Value("silent")),
            default=Value("alive"),
            output_field=TextField(),
        )
    )
    return found


class WorkerList(ChangeList):
    """The workers of a page, each with what it does now."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        shown: list[Any] = list(self.result_list)
        held: dict[str, Counter[str]] = {}
        for lock in _held([worker.pk for worker in shown])[:READ]:
            job_type = lock.job.job_type if lock.job else ""
            held.setdefault(lock.worker_id, Counter())[job_type] += 1
        for worker in shown:
            worker.held = held.get(worker.pk, Counter())
        self.result_list: Any = shown


@admin.register(Worker)
class WorkerAdmin(ActingAdmin):
    nothing_yet = gettext_lazy("No worker has been heard of for a day. manage.py runworker starts one.")
    list_display = ("id", "condition", "queue_names", "load", "doing", "memory", "skew", "version", "heartbeat")
    list_filter = (ConditionFilter,)
    search_fields = ("id__exact", "hostname__exact")
    search_help_text = gettext_lazy("A whole worker id or host name.")
    detail_template = "jobs/worker.html"
    acts = (
        Act(
            "drain",
            gettext_lazy("Drain"),
            gettext_lazy(
                "It claims nothing more, finishes what it runs however long that takes, and ends. It hears of it with "
                "its next heartbeat, and it cannot be taken back. Whoever started it decides whether another one "
                "takes its place: systemd, manage.py up and a supervisor that scales start one, a supervisor of a "
                "fixed number does not."
            ),
            workers.drain,
            gettext_lazy("The worker is asked to drain."),
            danger=True,
            offered=lambda worker: worker.condition in {"alive", "quiet"},
        ),
        Act(
            "quiet",
            gettext_lazy("Keep quiet"),
            gettext_lazy("It claims nothing until it is told to work on. What it runs goes on."),
            workers.quiet,
            gettext_lazy("The worker is asked to claim nothing."),
            offered=lambda worker: worker.condition == "alive",
        ),
        Act(
            "wake",
            gettext_lazy("Let it work on"),
            gettext_lazy("It claims jobs again, with its next heartbeat."),
            workers.wake,
            gettext_lazy("The worker is asked to work on."),
            offered=lambda worker: worker.condition == "quiet",
        ),
    )

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return WorkerList

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).with_condition()  # type: ignore[attr-defined,no-any-return]

    def detail_queryset(self) -> QuerySet[Any]:
        return Worker.objects.with_condition()

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        return super().changelist_view(request, {**_beside(), **(extra_context or {})})

    def detail(self, request: HttpRequest, obj: Any) -> dict[str, Any]:
        return {
            **super().detail(request, obj),
            "state": self.condition(obj),
            "facts": display.facts(_facts(self, obj)),
            "locks": list(_held([obj.pk], "progress", "progress_message", "started_at", "queue")[:LISTED]),
            "silent": obj.condition == Worker.Condition.SILENT,
            "going": obj.condition != Worker.Condition.STOPPED,
            "history": acts_on(obj.pk),
        }

    @admin.display(description=gettext_lazy("state"))
    def condition(self, worker: Any) -> SafeString:
        return display.badge(worker.condition, words(worker.condition))

    @admin.display(description=gettext_lazy("queues"))
    def queue_names(self, worker: Worker) -> str:
        return ", ".join(worker.queues) or _("all")

    @admin.display(description=gettext_lazy("slots"))
    def load(self, worker: Worker) -> str:
        share = round(100 * worker.running / worker.concurrency) if worker.concurrency else 0
        given = {"running": worker.running, "most": worker.concurrency, "share": min(share, 100)}
        return render_to_string("jobs/parts/slots.html", given)

    @admin.display(description=gettext_lazy("does now"))
    def doing(self, worker: Any) -> SafeString | str:
        return format_html_join(" ", '<span class="tag">{}{}</span>', _counted(worker.held)) or display.NOTHING

    @admin.display(description=gettext_lazy("memory"))
    def memory(self, worker: Worker) -> str:
        return f"{worker.rss_mb:.0f} MB" if worker.rss_mb else ""

    @admin.display(description=gettext_lazy("clock"))
    def skew(self, worker: Worker) -> SafeString | str:
        if worker.clock_offset is None:
            return ""
        text = f"{worker.clock_offset:+.1f} s" if abs(worker.clock_offset) >= 0.05 else "±0 s"
        loud = abs(worker.clock_offset) >= SKEWED_SECONDS
        return format_html('<strong class="loud">{}</strong>', text) if loud else text

    @admin.display(description=gettext_lazy("release"))
    def version(self, worker: Worker) -> SafeString | str:
        return format_html("<code>{}</code>", worker.release[:8]) if worker.release else ""

    @admin.display(description=gettext_lazy("heard of"))
    def heartbeat(self, worker: Worker) -> SafeString:
        return display.moment(worker.heartbeat_at)


def _held(worker_ids: list[str], *more: str) -> QuerySet[ProcessingLock]:
    # Not a join: with the jobs' whole history beside it, the planner must have no choice but the primary key.
    jobs = Prefetch("job", Job.objects.only("id", "job_type", *more))
    return ProcessingLock.objects.filter(worker_id__in=worker_ids).order_by("locked_at").prefetch_related(jobs)


def _counted(held: Counter[str]) -> list[tuple[str, str]]:
    most = [(name or _("gone"), f" × {count}" if count > 1 else "") for name, count in held.most_common(4)]
    rest = len(held) - len(most)
    return [*most, *([("…", f" + {rest}")] if rest > 0 else [])]


def _beside() -> dict[str, Any]:
    """Give what stands above the list: all workers together, and who scales them."""
    conditions: Counter[str] = Counter()
    running = slots = 0
    releases = set()
    rows_of: Any = Worker.objects.running().with_condition()
    rows = rows_of.values_list("condition", "running", "concurrency", "release")
    for condition, busy, most, release in rows[:10_000]:
        conditions[condition] += 1
        if condition != Worker.Condition.SILENT:
            running, slots = running + busy, slots + most
            releases.add(release)
    return {
        "conditions": dict(conditions),
        "running": running,
        "slots": slots,
        "share": min(100, round(100 * running / slots)) if slots else 0,
        "releases": len(releases - {""}),
        "supervisors": list(with_state(Supervisor.objects.filter(stopped_at__isnull=True))[:20]),
    }


def _facts(shown: WorkerAdmin, worker: Any) -> dict[str, Any]:
    wishes: dict[str, Callable[[], str]] = {"drain": lambda: _("to drain"), "quiet": lambda: _("to keep quiet")}
    asked = wishes[worker.wish]() if worker.wish else ""
    return {
        _("Host"): worker.hostname,
        _("Process"): worker.pid,
        _("Release"): shown.version(worker),
        _("Queues"): display.tags(worker.queues) if worker.queues else _("all"),
        _("Job types"): display.tags(worker.job_types) if worker.job_types else _("all"),
        _("Supervisor"): anchor("supervisor", worker.supervisor, worker.supervisor) if worker.supervisor else "",
        _("Slots"): shown.load(worker),
        _("Memory"): shown.memory(worker),
        _("Clock, beside the database's"): shown.skew(worker),
        _("Started"): display.exact(worker.started_at),
        _("Last heartbeat"): display.exact(worker.heartbeat_at),
        _("Asked"): asked and format_html("{}, {} {}", asked, worker.wished_by, display.moment(worker.wished_at)),
        _("Stopping since"): display.exact(worker.stopping_at),
        _("Stopped"): display.exact(worker.stopped_at),
    }
