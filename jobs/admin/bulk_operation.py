from typing import Any, Final
from uuid import UUID

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.urls import URLPattern, path
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from jobs.admin import display
from jobs.admin.acts import Act, ActingAdmin
from jobs.admin.bulk_words import act_in_words, arguments_in_words, selector_in_words
from jobs.admin.facts import anchor
from jobs.admin.filters import FixedFilter, WindowFilter
from jobs.admin.forms import ReasonForm
from jobs.admin.history import acts_on
from jobs.bulk import ending, pacing, pausing, repeating, wishes
from jobs.bulk.acts import ACTS
from jobs.bulk.canaries import canary_fate
from jobs.bulk.downloading import MEDIA_TYPES, download
from jobs.bulk.figures import figures_of
from jobs.bulk.following import Fate, fate_of_all
from jobs.bulk.working import working_job
from jobs.models import BulkItem, BulkOperation
from jobs.statuses import BULK_ENDED, BulkState, Status

#: Rows that it could not act on, shown on its page; all of them can be downloaded.
MOST_SHOWN: Final = 50


class RateForm(ReasonForm):
    rate = forms.FloatField(
        label=gettext_lazy("Rows a second, at most"),
        required=False,
        min_value=wishes.SLOWEST,
        max_value=wishes.FASTEST,
        help_text=gettext_lazy("Empty is as fast as it goes."),
    )
    field_order = ("rate", "reason")


class StateFilter(FixedFilter):
    title = gettext_lazy("state")
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Any:
        return BulkState.choices

    def narrow(self, rows: QuerySet[Any], value: str) -> QuerySet[Any]:
        return rows.filter(state=value)


def _under_way(operation: Any) -> bool:
    return operation.state in (BulkState.WAITING, BulkState.RUNNING)


def _may_proceed(operation: Any) -> bool:
    return operation.state == BulkState.PAUSED or (_under_way(operation) and not _at_work(operation))


def _at_work(operation: Any) -> bool:
    job = working_job(operation)
    return job is not None and job.status in (Status.PENDING, Status.PROCESSING)


@admin.register(BulkOperation)
class BulkOperationAdmin(ActingAdmin):
    list_display = ("key", "what", "selected", "state_badge", "progress", "done", "refused", "who", "begun")
    list_display_links = ("key", "what")
    list_filter = (StateFilter, WindowFilter)
    search_fields = ("id__exact",)
    search_help_text = gettext_lazy("A whole id.")
    heavy = ("put_off",)
    detail_template = "jobs/bulk_operation.html"
    acts = (
        Act(
            "proceed",
            gettext_lazy("Proceed"),
            gettext_lazy("It goes on with the rows that have not had their turn."),
            pausing.proceed,
            gettext_lazy("It goes on."),
            offered=_may_proceed,
        ),
        Act(
            "pause",
            gettext_lazy("Pause"),
            gettext_lazy("The rows at work are finished; no others are begun until somebody lets it proceed."),
            pausing.pause,
            gettext_lazy("It is paused."),
            offered=_under_way,
        ),
        Act(
            "rate",
            gettext_lazy("Change the rate"),
            gettext_lazy("It goes at the new rate from its next rows on."),
            pacing.change_rate,
            gettext_lazy("The rate is changed."),
            form=RateForm,
            offered=lambda operation: operation.state not in BULK_ENDED,
        ),
        Act(
            "again",
            gettext_lazy("Run the failures again"),
            gettext_lazy("Another operation does the same to the rows that this one failed at, and to no others."),
            repeating.again,
            gettext_lazy("The operation on the failures has begun."),
            offered=lambda operation: operation.state in BULK_ENDED and operation.failed > 0,
        ),
        Act(
            "cancel",
            gettext_lazy("Cancel"),
            gettext_lazy("It stops before its next rows and cannot go on. What it has done stays done."),
            ending.cancel,
            gettext_lazy("The operation is cancelled."),
            danger=True,
            offered=lambda operation: operation.state not in BULK_ENDED,
        ),
    )

    def get_urls(self) -> list[URLPattern]:
        name = "jobs_bulkoperation_failures"
        view = self.admin_site.admin_view(self.failures_view)
        return [path("<uuid:pk>/failures.<slug:form>/", view, name=name), *super().get_urls()]

    def detail_queryset(self) -> QuerySet[Any]:
        return BulkOperation.objects.select_related("again").defer("put_off")

    def failures_view(self, request: HttpRequest, pk: Any, form: str) -> HttpResponseBase:
        """Give the rows that it could not act on, with the reasons, as a file."""
        if not self.has_view_permission(request) or form not in MEDIA_TYPES:
            raise PermissionDenied
        return download(pk, request.user, form)

    def act_view(self, request: HttpRequest, object_id: str, act: Act) -> HttpResponse:
        response = super().act_view(request, object_id, act)
        if act.name == "again" and isinstance(response, HttpResponseRedirect):
            newest = BulkOperation.objects.filter(again_id=UUID(object_id)).order_by("-id").first()
            return HttpResponseRedirect(self.url(newest.pk)) if newest else response
        return response

    def initial(self, row: Any) -> dict[str, Any]:
        return {"rate": row.rate_per_second}

    def detail(self, request: HttpRequest, obj: Any) -> dict[str, Any]:
        act, figures, job = ACTS.get((obj.target, obj.action)), figures_of(obj), working_job(obj)
        runs_jobs = act is not None and act.runs_jobs
        fate = fate_of_all(obj) if runs_jobs and obj.done else None
        lost = _under_way(obj) and not _at_work(obj)
        if lost and request.method == "GET":
            said = _("Nobody works on this operation: its job {state}. Let it proceed to give it another one.")
            messages.warning(request, said.format(state=_state_of(job)))
        return {
            **super().detail(request, obj),
            "title": act_in_words(obj),
            "state": display.badge(obj.state, obj.get_state_display()),
            "going": obj.state not in BULK_ENDED or bool(fate and fate.unfinished),
            "figures": figures,
            "counts": _counts(obj),
            "selector": selector_in_words(obj),
            "facts": _facts(obj, job, figures.speed),
            "fate": _fate(fate) if fate else None,
            # Until it goes on, those of the canary are all there are.
            "watching": obj.canary_at is not None and obj.proceeded_at is None,
            "sampled": bool(fate and fate.looked_at < obj.done),
            "looked_at": fate.looked_at if fate else 0,
            "canary": _fate(canary_fate(obj)) if runs_jobs and obj.canary_at else None,
            "items": list(BulkItem.objects.filter(operation=obj).order_by("-id")[:MOST_SHOWN]),
            "most_shown": MOST_SHOWN,
            "target_url": "job" if obj.target == "job" else "deadletter",
            "history": acts_on(obj.pk),
        }

    @admin.display(description=gettext_lazy("id"))
    def key(self, operation: BulkOperation) -> SafeString:
        return display.key(operation.pk)

    @admin.display(description=gettext_lazy("act"))
    def what(self, operation: BulkOperation) -> str:
        return act_in_words(operation)

    @admin.display(description=gettext_lazy("on"))
    def selected(self, operation: BulkOperation) -> SafeString:
        return selector_in_words(operation)

    @admin.display(description=gettext_lazy("state"))
    def state_badge(self, operation: BulkOperation) -> SafeString:
        return display.badge(operation.state, operation.get_state_display())

    @admin.display(description=gettext_lazy("progress"))
    def progress(self, operation: BulkOperation) -> str:
        percent = figures_of(operation).percent
        return display.NOTHING if percent is None else f"{percent:.0f} %"

    @admin.display(description=gettext_lazy("by"))
    def who(self, operation: BulkOperation) -> str:
        return operation.actor_name

    @admin.display(description=gettext_lazy("not done"))
    def refused(self, operation: BulkOperation) -> str:
        return f"{operation.skipped + operation.failed:,}"

    @admin.display(description=gettext_lazy("begun"))
    def begun(self, operation: BulkOperation) -> SafeString:
        return display.moment(operation.created_at)


def _state_of(job: Any) -> str:
    if job is None:
        return _("is not there any more")
    return _("is {status}").format(status=job.get_status_display().lower())


def _counts(obj: BulkOperation) -> list[tuple[str, str, str]]:
    matched = f"{obj.matched:,}" + ("+" if obj.matched_capped else "")
    return [
        ("matched", _("found"), matched),
        ("done", _("done"), f"{obj.done:,}"),
        ("skipped", _("left alone"), f"{obj.skipped:,}"),
        ("failed", _("failed"), f"{obj.failed:,}"),
    ]


def _facts(obj: BulkOperation, job: Any, speed: float | None) -> list[tuple[Any, Any]]:
    rate = _("{number} a second").format(number=f"{obj.rate_per_second:g}") if obj.rate_per_second else _("unlimited")
    return display.facts(
        {
            _("With"): arguments_in_words(obj),
            _("Reason"): obj.reason,
            _("By"): obj.actor_name,
            _("Rate, at most"): rate,
            _("Speed so far"): _("{number} a second").format(number=f"{speed:,.1f}") if speed else None,
            _("Stops after"): f"{obj.max_items:,}" if obj.max_items else None,
            _("Tried first on"): f"{obj.canary:,}" if obj.canary else None,
            _("Failures of"): anchor("bulkoperation", obj.again_id, f"…{str(obj.again_id)[-10:]}")
            if obj.again_id
            else None,
            _("Begun"): display.exact(obj.created_at),
            _("Ended"): display.exact(obj.ended_at),
            _("Job"): anchor("job", job.pk, f"…{str(job.pk)[-10:]}") if job else None,
        }
    )


def _fate(fate: Fate) -> list[tuple[SafeString, str]]:
    """Give what jobs have come to: each state with its number."""
    named = (
        (Status.COMPLETED, _("completed"), fate.completed),
        (Status.DEAD_LETTER, _("dead letter again"), fate.dead),
        (Status.FAILED, _("failed"), fate.failed),
        (Status.CANCELLED, _("cancelled"), fate.cancelled),
        (Status.PROCESSING, _("running"), fate.running),
        (Status.PENDING, _("pending"), fate.pending),
        ("gone", _("pruned"), fate.gone),
    )
    return [(display.badge(str(status), label), f"{number:,}") for status, label, number in named if number]
