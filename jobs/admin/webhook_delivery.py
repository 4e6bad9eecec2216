"""What was or is to be sent to an endpoint, with every attempt."""

from datetime import datetime
from typing import Any
from uuid import UUID

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from jobs.admin import display, documents
from jobs.admin.acts import Act, ActingAdmin
from jobs.admin.facts import anchor
from jobs.admin.filters import Choices, FixedFilter
from jobs.admin.history import acts_on
from jobs.models import WebhookDelivery, WebhookEndpoint
from jobs.webhooks.messages import body_of
from jobs.webhooks.resending import resend


class StateFilter(FixedFilter):
    title = gettext_lazy("state")
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Choices:
        return list(WebhookDelivery.State.choices)

    def narrow(self, rows: QuerySet[Any], value: str) -> QuerySet[Any]:
        return rows.filter(state=value)


class EndpointFilter(admin.SimpleListFilter):
    """Keeps the list to one endpoint; there is none of all of them together."""

    title = gettext_lazy("endpoint")
    parameter_name = "endpoint"

    def has_output(self) -> bool:
        return True

    def lookups(self, request: HttpRequest, model_admin: Any) -> Choices:
        key = _key(request.GET.get("endpoint", ""))
        endpoint = WebhookEndpoint.objects.filter(pk=key).first() if key else None
        return [(str(endpoint.pk), str(endpoint))] if endpoint else []

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        key = _key(self.value() or "")
        return queryset.filter(endpoint=key) if key else queryset.none()


@admin.register(WebhookDelivery)
class WebhookDeliveryAdmin(ActingAdmin):
    """An event on its way to an endpoint."""

    detail_template = "jobs/webhook_delivery.html"
    list_display = ("called", "status", "tries", "answer", "happened", "next")
    list_display_links = ("called",)
    list_filter = (EndpointFilter, StateFilter)
    heavy = ("data", "attempts")
    acts = (
        Act(
            "resend",
            gettext_lazy("Send again"),
            gettext_lazy(
                "The same message is sent again with all its attempts anew, whatever became of it. Its id is the same, "
                "so that the receiver knows whether it has had it."
            ),
            resend,
            gettext_lazy("It is sent again."),
            offered=lambda delivery: delivery.endpoint.is_active,
        ),
    )

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        if not _key(request.GET.get("endpoint", "")):
            return HttpResponseRedirect(reverse("admin:jobs_webhookendpoint_changelist"))
        return super().changelist_view(request, {"title": _("Webhook deliveries"), **(extra_context or {})})

    def detail_queryset(self) -> QuerySet[Any]:
        return WebhookDelivery.objects.select_related("endpoint", "endpoint__user")

    def detail(self, request: HttpRequest, obj: Any) -> dict[str, Any]:
        attempts = [{**each, "at": datetime.fromisoformat(each["at"])} for each in reversed(obj.attempts)]
        message = _("What is sent"), documents.show(body_of(obj).decode())
        return {
            **super().detail(request, obj),
            "title": obj.event,
            "state": _badge(obj),
            "facts": display.facts(_facts(obj)),
            "attempts": attempts,
            "documents": [message],
            "waits": obj.state == WebhookDelivery.State.WAITING,
            "history": acts_on(obj.pk),
        }

    @admin.display(description=gettext_lazy("event"))
    def called(self, delivery: WebhookDelivery) -> SafeString:
        return format_html("{} {}", delivery.event, display.key(delivery.pk))

    @admin.display(description=gettext_lazy("state"))
    def status(self, delivery: WebhookDelivery) -> SafeString:
        return _badge(delivery)

    @admin.display(description=gettext_lazy("last answer"))
    def answer(self, delivery: WebhookDelivery) -> Any:
        return delivery.last_error or delivery.last_status

    @admin.display(description=gettext_lazy("happened"))
    def happened(self, delivery: WebhookDelivery) -> SafeString:
        return display.moment(delivery.at)

    @admin.display(description=gettext_lazy("next attempt"))
    def next(self, delivery: WebhookDelivery) -> SafeString:
        waits = delivery.state == WebhookDelivery.State.WAITING
        return display.moment(delivery.next_attempt_at) if waits else display.NOTHING


def _badge(delivery: WebhookDelivery) -> SafeString:
    tone = {"waiting": "pending", "delivered": "completed", "failed": "failed"}[delivery.state]
    return display.badge(tone, WebhookDelivery.State(delivery.state).label)


def _facts(delivery: WebhookDelivery) -> dict[Any, Any]:
    waits = delivery.state == WebhookDelivery.State.WAITING
    job = delivery.data.get("job_id")
    return {
        _("Endpoint"): anchor("webhookendpoint", delivery.endpoint_id, delivery.endpoint),
        _("Message"): format_html("<code>{}</code>", delivery.message_id),
        _("Happened"): display.exact(delivery.at),
        _("About the job"): anchor("job", job, job) if job else None,
        _("Last answer"): delivery.last_error or delivery.last_status,
        _("Next attempt"): display.exact(delivery.next_attempt_at) if waits else None,
        _("Ended"): display.exact(delivery.ended_at),
        _("Job of this attempt"): anchor("job", delivery.job, delivery.job) if delivery.job and waits else None,
    }


def _key(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
