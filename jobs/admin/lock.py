from typing import Any

from django.contrib import admin
from django.db.models import Case, Prefetch, QuerySet, TextField, Value, When
from django.http import HttpRequest
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from jobs import locks
from jobs.admin import display
from jobs.admin.acts import Act, ActingAdmin
from jobs.admin.facts import anchor, link_to
from jobs.admin.filters import Choices, FixedFilter
from jobs.admin.forms import ReleaseForm
from jobs.admin.history import acts_on
from jobs.models import Job, ProcessingLock
from jobs.models.columns import ClockTimestamp


class ExpiryFilter(FixedFilter):
    title = _("state")
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Choices:
        return [("held", gettext("Held")), ("expired", gettext("Expired"))]

    def narrow(self, rows: QuerySet[Any], value: str) -> QuerySet[Any]:
        return rows.filter(state=value)


@admin.register(ProcessingLock)
class LockAdmin(ActingAdmin):
    live = True
    list_display = ("job_key", "job_type", "state", "worker", "token", "locked", "expires")
    list_filter = (ExpiryFilter,)
    search_fields = ("worker_id__exact",)
    search_help_text = _("A whole worker id.")
    acts = (
        Act(
            "release",
            _("Release the lock"),
            _(
                "The job is taken from its worker and uses up a retry: it runs again, or becomes a dead letter if none "
                "is left. If the worker is alive it may still be at work; what it reports will be refused."
            ),
            locks.release,
            _("The lock is released."),
            form=ReleaseForm,
            danger=True,
        ),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        # Not a join: with the jobs' whole history beside it, the planner must have no choice but the primary key.
        jobs = Prefetch("job", Job.objects.only("id", "job_type"))
        return self.detail_queryset().prefetch_related(jobs)

    def detail_queryset(self) -> QuerySet[Any]:
        expired = When(expires_at__lt=ClockTimestamp(), then=Value("expired"))
        return ProcessingLock.objects.annotate(state=Case(expired, default=Value("held"), output_field=TextField()))

    def detail(self, request: HttpRequest, obj: Any) -> dict[str, Any]:
        facts = {
            gettext("Job"): anchor("job", obj.job_id, obj.job_id),
            gettext("Worker"): anchor("worker", obj.worker_id, obj.worker_id),
            gettext("Token"): obj.lock_token,
            gettext("Locked"): display.exact(obj.locked_at),
            gettext("Expires"): display.exact(obj.expires_at),
        }
        return {
            **super().detail(request, obj),
            "state": display.badge(obj.state),
            "facts": display.facts(facts),
            "history": acts_on(obj.job_id),
        }

    def initial(self, row: Any) -> dict[str, Any]:
        return {"lock_token": row.lock_token}

    def after(self, row: Any) -> str:
        return link_to("job", row.job_id)

    @admin.display(description=_("job"))
    def job_key(self, lock: ProcessingLock) -> str:
        return str(lock.job_id)

    @admin.display(description=_("type"))
    def job_type(self, lock: ProcessingLock) -> str:
        return lock.job.job_type if lock.job else ""

    @admin.display(description=_("state"))
    def state(self, lock: Any) -> SafeString:
        return display.badge(lock.state)

    @admin.display(description=_("worker"))
    def worker(self, lock: ProcessingLock) -> SafeString:
        return anchor("worker", lock.worker_id, lock.worker_id)

    @admin.display(description=_("token"))
    def token(self, lock: ProcessingLock) -> int:
        return lock.lock_token

    @admin.display(description=_("locked"))
    def locked(self, lock: ProcessingLock) -> SafeString:
        return display.moment(lock.locked_at)

    @admin.display(description=_("expires"))
    def expires(self, lock: ProcessingLock) -> SafeString:
        return display.moment(lock.expires_at)
