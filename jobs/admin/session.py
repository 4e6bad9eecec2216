from datetime import timedelta
from typing import Any, Final, cast

from django import forms
from django.contrib import admin
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.safestring import SafeString
from django.utils.timezone import now
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.uuid7 import first_uuid7
from jobs import sessions
from jobs.admin import display, documents
from jobs.admin.acts import Act, ActingAdmin
from jobs.admin.filters import WINDOWS, Choices, FixedFilter, OpenFilter, WindowFilter
from jobs.admin.forms import ReasonForm
from jobs.admin.history import acts_on
from jobs.admin.revealing import RevealingAdmin
from jobs.admin.session_calls import execute, open_view
from jobs.admin.session_forms import ExecuteForm
from jobs.models import Function, Job, Session
from jobs.models.session import SessionQuerySet

_DOCUMENTS = ("context", "metadata")
#: Executions that the page lists, and jobs of the owner among which they are looked for.
LISTED: Final = 25
LOOKED_AT: Final = 5_000


class ConditionFilter(FixedFilter):
    title = gettext_lazy("status")
    parameter_name = "status"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Choices:
        return [(status.value, str(status.label)) for status in Session.Status]

    def narrow(self, rows: QuerySet[Any], value: str) -> QuerySet[Any]:
        return cast(SessionQuerySet, rows).in_condition(value)


class FunctionFilter(OpenFilter):
    title = gettext_lazy("function")
    parameter_name = "function"

    def names(self) -> list[str]:
        return list(Function.objects.values_list("language_title", flat=True)[:200])

    def narrow(self, rows: QuerySet[Any], value: str) -> QuerySet[Any]:
        return rows.filter(language_title=value)


class OpenedFilter(WindowFilter):
    """When the session was opened, as a bound on its id, which begins with the time."""

    title = gettext_lazy("opened")

    def narrow(self, rows: QuerySet[Any], value: str) -> QuerySet[Any]:
        return rows.filter(request_id__gte=str(first_uuid7(now() - WINDOWS[value][1])))


class ExtendForm(ReasonForm):
    """From now on, so long."""

    ttl = forms.TypedChoiceField(
        label=gettext_lazy("It ends in"),
        choices=[(3_600, gettext_lazy("1 hour")), (14_400, gettext_lazy("4 hours")), (86_400, gettext_lazy("1 day"))],
        coerce=int,
    )
    field_order = ("ttl", "reason")


def _owns(request: HttpRequest, session: Session) -> bool:
    return bool(session.user_id == request.user.get_username())


def _is_live(session: Session) -> bool:
    return session.condition == Session.Status.ACTIVE


@admin.register(Session)
class SessionAdmin(RevealingAdmin, ActingAdmin):
    secretive = ("context",)
    list_display = ("key", "language_title", "state", "owner", "opened", "ends", "execution_count", "last_executed")
    list_filter = (ConditionFilter, FunctionFilter, OpenedFilter)
    search_fields = ("request_id__exact", "user_id__exact")
    search_help_text = gettext_lazy("A whole request id, or a whole user name.")
    nothing_yet = gettext_lazy("A session is opened here or over the API, for a function that is called in two phases.")
    add_label = gettext_lazy("Open a session")
    detail_template = "jobs/session.html"
    heavy = _DOCUMENTS
    acts = (
        Act(
            "execute",
            gettext_lazy("Execute"),
            gettext_lazy("A job runs the function with the context and these parameters, which take precedence."),
            execute,
            gettext_lazy("The execution is submitted."),
            form=ExecuteForm,
            offered=_is_live,
        ),
        Act(
            "extend",
            gettext_lazy("Extend"),
            gettext_lazy("Its end is moved; the settings say how far it may lie ahead."),
            sessions.prolong,
            gettext_lazy("The session ends later."),
            form=ExtendForm,
            offered=_is_live,
        ),
        Act(
            "close",
            gettext_lazy("Close"),
            gettext_lazy("The session can be executed no more. Jobs that it has submitted go on."),
            sessions.close,
            gettext_lazy("The session has ended."),
            danger=True,
            offered=_is_live,
        ),
    )

    def has_add_permission(self, request: HttpRequest) -> bool:
        return self.has_act_permission(request)

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Open a session."""
        return open_view(self, request)

    def act_view(self, request: HttpRequest, object_id: str, act: Act) -> HttpResponse:
        session = self.get_object(request, unquote(object_id))
        if act.name == "execute" and session is not None and not _owns(request, session):
            raise PermissionDenied
        return super().act_view(request, object_id, act)

    def buttons(self, request: HttpRequest, row: Any) -> list[tuple[Act, str]]:
        # As over the API: only its owner executes a session.
        found = super().buttons(request, row)
        return [(act, url) for act, url in found if act.name != "execute" or _owns(request, row)]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return Session.objects.with_condition().order_by("-request_id").defer(*_DOCUMENTS)

    def detail_queryset(self) -> QuerySet[Any]:
        texts = {f"{name}_text": documents.as_text(name) for name in _DOCUMENTS}
        return Session.objects.with_condition().defer(*_DOCUMENTS).annotate(**texts)

    def detail(self, request: HttpRequest, obj: Any) -> dict[str, Any]:
        facts = {
            _("Function"): obj.language_title,
            _("Owner"): obj.user_id,
            _("Opened"): display.exact(obj.created_at),
            _("Ends"): display.exact(obj.expires_at),
            _("Executions"): f"{obj.execution_count:,}",
            _("Last executed"): display.exact(obj.last_executed_at),
        }
        return {
            **super().detail(request, obj),
            "state": self.state(obj),
            "facts": display.facts(facts),
            "documents": [(name.capitalize(), self._document(obj, name)) for name in _DOCUMENTS],
            "jobs": list(_jobs_of(obj)),
            "going": _is_live(obj),
            "history": acts_on(obj.pk),
        }

    def job_type_of(self, row: Any) -> str:
        name: str = row.language_title
        return name

    def _document(self, row: Any, name: str) -> documents.Document | None:
        return documents.show(self.text_of(row, name), row.language_title if name == "context" else None)

    @admin.display(description=gettext_lazy("request id"))
    def key(self, session: Session) -> SafeString:
        return display.key(session.pk)

    @admin.display(description=gettext_lazy("status"))
    def state(self, session: Session) -> SafeString:
        return display.badge(session.condition)

    @admin.display(description=gettext_lazy("owner"))
    def owner(self, session: Session) -> str:
        return session.user_id or ""

    @admin.display(description=gettext_lazy("opened"))
    def opened(self, session: Session) -> SafeString:
        return display.moment(session.created_at)

    @admin.display(description=gettext_lazy("ends"))
    def ends(self, session: Session) -> SafeString:
        return display.moment(session.expires_at)

    @admin.display(description=gettext_lazy("last executed"))
    def last_executed(self, session: Session) -> SafeString:
        return display.moment(session.last_executed_at)


def _jobs_of(session: Session) -> QuerySet[Job]:
    """Give the latest executions, as far as they are among the newest jobs that its owner has submitted since."""
    last = session.last_executed_at
    if last is None or session.user_id is None:
        return Job.objects.none()
    # No index knows sessions: the owner's jobs of that time are walked, and not too many of them.
    since, until = first_uuid7(session.created_at), first_uuid7(last + timedelta(minutes=1))
    submitted = Job.objects.visible().filter(user__user_id=session.user_id, id__gte=since, id__lt=until).order_by("-id")
    keys = [pk for pk, name in submitted.values_list("pk", "session")[:LOOKED_AT] if name == session.pk]
    return Job.objects.filter(pk__in=keys[:LISTED]).order_by("-id").defer("payload", "result", "error_history")
