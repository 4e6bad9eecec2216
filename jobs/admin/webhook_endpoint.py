"""Webhook endpoints: how each is doing, and what people do to it."""

from collections.abc import Callable
from typing import Any, Final, cast
from urllib.parse import urlsplit

from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.contrib.admin.views.main import ChangeList
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from jobs.admin import display
from jobs.admin.acts import Act, ActingAdmin
from jobs.admin.charts import sparkline
from jobs.admin.filters import Choices, FixedFilter
from jobs.admin.history import acts_on
from jobs.admin.webhook_forms import EndpointChangeForm, EndpointForm, ResendForm, RotateForm, initial
from jobs.exceptions import JobError, StaleVersion
from jobs.models import WebhookDelivery, WebhookEndpoint
from jobs.webhooks import endpoints, resending
from jobs.webhooks.figures import Recent, recent

#: Deliveries that the page of an endpoint lists.
LISTED: Final = 20


class StateFilter(FixedFilter):
    title = gettext_lazy("state")
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Choices:
        return [("active", _("Active")), ("failing", _("Failing")), ("disabled", _("Disabled"))]

    def narrow(self, rows: QuerySet[Any], value: str) -> QuerySet[Any]:
        if value == "failing":
            return rows.filter(is_active=True, failing_since__isnull=False)
        return rows.filter(is_active=value == "active")


class EndpointList(ChangeList):
    """The endpoints of a page, each with how it is doing."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        rows: list[Any] = list(self.result_list)
        figures = recent(row.pk for row in rows)
        for row in rows:
            row.recent = figures[row.pk]
        self.result_list = cast(Any, rows)


def _set_active(active: bool) -> Callable[..., Any]:
    def change(pk: Any, actor: Any, reason: str = "") -> None:
        endpoints.change(pk, actor, reason=reason, is_active=active)

    return change


@admin.register(WebhookEndpoint)
class WebhookEndpointAdmin(ActingAdmin):
    """Where events are sent to."""

    nothing_yet = gettext_lazy(
        "Nobody is told of anything yet. Make an endpoint, and events of jobs and dead letters are sent to it."
    )
    detail_template = "jobs/webhook.html"
    list_display = ("called", "state", "accepted", "latest", "whose")
    list_display_links = ("called",)
    list_filter = (StateFilter,)
    heavy = ("secret", "previous_secret")
    acts = (
        Act(
            "test",
            gettext_lazy("Send a test"),
            gettext_lazy("It is sent an event of the type webhook.test, as all others are. It shows among deliveries."),
            endpoints.send_test,
            gettext_lazy("The test is on its way."),
            offered=lambda endpoint: endpoint.is_active,
        ),
        Act(
            "resend",
            gettext_lazy("Resend failures"),
            gettext_lazy(
                "Deliveries that failed in this time are sent again, the oldest first, at most 1,000 of them."
            ),
            resending.resend_failed,
            gettext_lazy("They are sent again."),
            form=ResendForm,
            offered=lambda endpoint: endpoint.is_active,
        ),
        Act(
            "rotate",
            gettext_lazy("Rotate the secret"),
            gettext_lazy("It gets a new secret, which is shown on the next page and never again."),
            endpoints.rotate_secret,
            gettext_lazy("The secret is rotated."),
            form=RotateForm,
        ),
        Act(
            "disable",
            gettext_lazy("Disable"),
            gettext_lazy("Nothing is sent to it any more. What waits is sent when it is enabled within 7 days."),
            _set_active(False),
            gettext_lazy("The endpoint is disabled."),
            danger=True,
            offered=lambda endpoint: endpoint.is_active,
        ),
        Act(
            "enable",
            gettext_lazy("Enable"),
            gettext_lazy(
                "It is told of what happens from now on, and sent what waits for it. Its failures are forgotten."
            ),
            _set_active(True),
            gettext_lazy("The endpoint is enabled."),
            offered=lambda endpoint: not endpoint.is_active,
        ),
        Act(
            "remove",
            gettext_lazy("Delete"),
            gettext_lazy("It is gone, with its secret and all that is kept of its deliveries."),
            endpoints.delete,
            gettext_lazy("The endpoint is deleted."),
            danger=True,
        ),
    )

    def has_add_permission(self, request: HttpRequest) -> bool:
        return self.has_act_permission(request)

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        return [
            path("<path:object_id>/edit/", view(self.edit_view), name="jobs_webhookendpoint_edit"),
            *super().get_urls(),
        ]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).select_related("user")

    def detail_queryset(self) -> QuerySet[Any]:
        return WebhookEndpoint.objects.select_related("user")

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return EndpointList

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        more = {"title": _("Webhooks"), "may_act": self.has_act_permission(request)}
        return super().changelist_view(request, {**more, **(extra_context or {})})

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Ask where to and of what; then make it, and show its secret."""
        if not self.has_act_permission(request):
            raise PermissionDenied
        form = EndpointForm(request.POST if request.method == "POST" else None)
        if request.method == "POST" and form.is_valid():
            try:
                return self._secret(request, endpoints.create(request.user, **form.said()), _("The endpoint is made"))
            except JobError as error:
                form.blame(error)
        return self._form(request, None, form)

    def edit_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Change one; who was slower than somebody else is told, and what was typed is kept."""
        if not self.has_act_permission(request):
            raise PermissionDenied
        endpoint = self.get_object(request, unquote(object_id))
        if endpoint is None:
            return self.not_found(request, object_id)
        form = EndpointChangeForm(request.POST if request.method == "POST" else None, initial=initial(endpoint))
        if request.method == "POST" and form.is_valid():
            how = {name: form.cleaned_data[name] for name in ("expected_version", "reason")}
            try:
                endpoints.change(endpoint.pk, request.user, **how, **form.said())
            except StaleVersion as stale:
                posted = request.POST.copy()
                posted["expected_version"] = str(stale.current)
                form = EndpointChangeForm(posted)
                form.add_error(
                    None, _("Somebody has changed it meanwhile. Save once more to have it as it stands here.")
                )
            except JobError as error:
                form.blame(error)
            else:
                messages.success(request, _("The endpoint is changed."))
                return HttpResponseRedirect(self.url(endpoint.pk))
        return self._form(request, endpoint, form)

    def _form(self, request: HttpRequest, endpoint: WebhookEndpoint | None, form: EndpointForm) -> HttpResponse:
        title = _("Make an endpoint") if endpoint is None else _("Edit the endpoint")
        back = self.list_url() if endpoint is None else self.url(endpoint.pk)
        return self.page(request, "jobs/webhook_form.html", endpoint, title=title, form=form, back=back)

    def perform(self, request: HttpRequest, act: Act, row: Any, chosen: dict[str, Any]) -> bool:
        if act.name != "resend":
            return super().perform(request, act, row, chosen)
        try:
            count = resending.resend_failed(row.pk, request.user, **chosen)
        except JobError as error:
            messages.error(request, str(error))
            return False
        said = ngettext("%(count)s delivery is sent again.", "%(count)s deliveries are sent again.", count)
        messages.success(request, said % {"count": f"{count:,}"})
        return True

    def act_view(self, request: HttpRequest, object_id: str, act: Act) -> HttpResponse:
        """As every act, but for a new secret, which is shown on the page that answers and kept nowhere else."""
        if act.name == "rotate" and request.method == "POST" and self.has_act_permission(request):
            form, row = RotateForm(request.POST), self.get_object(request, unquote(object_id))
            if row is not None and form.is_valid():
                rotated = endpoints.rotate_secret(row.pk, request.user, **form.cleaned_data)
                return self._secret(request, rotated, _("The secret is rotated"))
        return super().act_view(request, object_id, act)

    def _secret(self, request: HttpRequest, endpoint: WebhookEndpoint, title: str) -> HttpResponse:
        return self.page(
            request,
            "jobs/webhook_secret.html",
            endpoint,
            title=title,
            secret=endpoint.secret,
            back=self.url(endpoint.pk),
        )

    def after(self, row: Any) -> str:
        return self.url(row.pk) if WebhookEndpoint.objects.filter(pk=row.pk).exists() else self.list_url()

    def detail(self, request: HttpRequest, obj: Any) -> dict[str, Any]:
        figures = recent([obj.pk])[obj.pk]
        deliveries = WebhookDelivery.objects.filter(endpoint=obj).order_by("-id").defer("data", "attempts")
        return {
            **super().detail(request, obj),
            "state": _state(obj),
            "recent": figures,
            "line": _line(figures),
            "facts": display.facts(_facts(obj)),
            "deliveries": list(deliveries[:LISTED]),
            "deliveries_url": f"{reverse('admin:jobs_webhookdelivery_changelist')}?endpoint={obj.pk}",
            "history": acts_on(obj.pk),
            "edit_url": reverse("admin:jobs_webhookendpoint_edit", args=[str(obj.pk)]),
        }

    @admin.display(description=gettext_lazy("endpoint"))
    def called(self, endpoint: WebhookEndpoint) -> SafeString:
        return format_html("{}", endpoint.description or _place(endpoint))

    @admin.display(description=gettext_lazy("state"))
    def state(self, endpoint: WebhookEndpoint) -> SafeString:
        return _state(endpoint)

    @admin.display(description=gettext_lazy("accepted lately"))
    def accepted(self, endpoint: Any) -> SafeString:
        return _line(endpoint.recent)

    @admin.display(description=gettext_lazy("latest"))
    def latest(self, endpoint: Any) -> SafeString:
        return display.moment(endpoint.recent.last_at)

    @admin.display(description=gettext_lazy("of"))
    def whose(self, endpoint: WebhookEndpoint) -> str:
        return _("everybody's jobs") if endpoint.everyone else str(endpoint.user)


def _state(endpoint: WebhookEndpoint) -> SafeString:
    if not endpoint.is_active:
        return display.badge("paused", _("disabled"))
    if endpoint.failing_since:
        return display.badge("failing", _("failing"))
    return display.badge("active", _("active"))


def _place(endpoint: WebhookEndpoint) -> str:
    parts = urlsplit(endpoint.url)
    return f"{parts.netloc}{parts.path}"


def _line(figures: Recent) -> SafeString:
    if figures.share is None:
        return display.NOTHING
    words = _("%(share)s %% of %(count)s") % {"share": figures.share, "count": figures.attempted}
    label = _("How long the latest took, in ms; %(words)s were accepted") % {"words": words}
    tone = "good" if figures.share == 100 else "warn" if figures.share >= 50 else "bad"
    return format_html('<span class="webhook-line">{} {}</span>', sparkline(figures.durations, label, tone=tone), words)


def _facts(endpoint: WebhookEndpoint) -> dict[Any, Any]:
    return {
        _("URL"): format_html("<code>{}</code>", endpoint.url),
        _("Events"): display.tags(endpoint.events),
        _("Job types"): display.tags(endpoint.job_types) if endpoint.job_types else _("all"),
        _("Queues"): display.tags(endpoint.queues) if endpoint.queues else _("all"),
        _("Whose jobs"): _("everybody's") if endpoint.everyone else str(endpoint.user),
        _("Owner"): str(endpoint.user),
        _("Secret before"): _good_until(endpoint),
        _("Failing since"): display.exact(endpoint.failing_since),
        _("Left alone until"): display.exact(endpoint.rests_until) if endpoint.failures else None,
        _("Events dropped"): f"{endpoint.dropped:,}" if endpoint.dropped else None,
        _("Made"): display.exact(endpoint.created_at),
    }


def _good_until(endpoint: WebhookEndpoint) -> Any:
    if endpoint.previous_until is None:
        return None
    return format_html("{} {}", _("good until"), display.exact(endpoint.previous_until))
