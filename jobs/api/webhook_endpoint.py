"""What the API says of webhook endpoints and their deliveries, and what a client sends of them."""

from typing import Any, ClassVar, Final

from django.core.validators import RegexValidator
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from accounts.api.fields import JsonObject, Moment, Text, WholeNumber, YesNo
from accounts.api.strict import StrictSerializer
from jobs import options
from jobs.api.new_schedule import OneOf
from jobs.api.reasons import ReasonSerializer
from jobs.models import WebhookDelivery, WebhookEndpoint
from jobs.webhooks.endpoints import LONGEST_OVERLAP_HOURS, OVERLAP_HOURS
from jobs.webhooks.event_types import EVENT_TYPES, USUAL
from jobs.webhooks.faults import DESCRIPTION_MAX_LENGTH, JOB_TYPE_MAX_LENGTH, MOST_NAMES

_OPTIONAL: Final[dict[str, Any]] = {"required": False}
_URL: Final = RegexValidator(r"^https?://[!-~]+\Z", "Must be a URL such as https://example.org/hooks, in ASCII.")
EVENTS: Final = [(name, name) for name in EVENT_TYPES]
STATES: Final = WebhookDelivery.State.choices


class WebhookEndpointSerializer(serializers.ModelSerializer[WebhookEndpoint]):
    """Where events are sent to, without the secret."""

    endpoint_id = serializers.UUIDField(source="id", read_only=True)
    user_id = serializers.CharField(source="user.user_id", read_only=True)
    previous_secret_until = serializers.DateTimeField(
        source="previous_until",
        read_only=True,
        allow_null=True,
        help_text="Until then messages are signed with the secret before, too.",
    )
    disabled_reason = serializers.CharField(
        read_only=True, help_text='Why it was disabled, if nobody chose so; "" else.'
    )
    failing_since = serializers.DateTimeField(
        read_only=True, allow_null=True, help_text="Since when every attempt has failed."
    )
    dropped = serializers.IntegerField(
        read_only=True, help_text="Events that were not kept for it, because too many were waiting."
    )

    class Meta:
        model = WebhookEndpoint
        fields: tuple[str, ...] = (
            *("endpoint_id", "url", "description", "events", "job_types", "queues", "everyone", "is_active"),
            *("disabled_reason", "disabled_at", "failing_since", "dropped", "previous_secret_until"),
            *("user_id", "created_at", "updated_at", "version"),
        )
        read_only_fields: tuple[str, ...] = fields


class SecretEndpointSerializer(WebhookEndpointSerializer):
    """The same with its secret, which is shown here and never again."""

    secret = serializers.CharField(read_only=True, help_text="Messages are signed with it: `whsec_` and base64.")

    class Meta(WebhookEndpointSerializer.Meta):
        fields = (*WebhookEndpointSerializer.Meta.fields, "secret")
        read_only_fields = fields


def _list_of(**items: Any) -> dict[str, Any]:
    return {"type": "array", "items": {"type": "string", **items}, "maxItems": MOST_NAMES}


@extend_schema_field(_list_of(pattern=f"^[!-~]{{1,{JOB_TYPE_MAX_LENGTH}}}$"))
class _JobTypes(serializers.ListField):
    child = Text(validators=[RegexValidator(rf"^[!-~]{{1,{JOB_TYPE_MAX_LENGTH}}}\Z")])


@extend_schema_field(_list_of(pattern=f"^{options.QUEUE_NAME.pattern}$"))
class _Queues(serializers.ListField):
    child = Text(validators=[RegexValidator(rf"^{options.QUEUE_NAME.pattern}\Z")])


@extend_schema_field(
    _list_of(enum=list(EVENT_TYPES)) | {"minItems": 1, "maxItems": len(EVENT_TYPES), "uniqueItems": True}
)
class _Events(serializers.ListField):
    child = OneOf(choices=EVENTS)


class _Fields(StrictSerializer):
    description = Text(**_OPTIONAL, allow_blank=True, max_length=DESCRIPTION_MAX_LENGTH)
    job_types = _JobTypes(**_OPTIONAL, max_length=MOST_NAMES, help_text="Only of these; empty: of all.")
    queues = _Queues(**_OPTIONAL, max_length=MOST_NAMES, help_text="Only of these; empty: of all.")
    everyone = YesNo(**_OPTIONAL, help_text="Events of everybody's jobs; for staff alone.")
    is_active = YesNo(**_OPTIONAL, help_text="Whether it is told of events.")


class NewWebhookEndpointSerializer(_Fields):
    """An endpoint to make."""

    url = Text(max_length=2048, validators=[_URL], help_text="HTTPS, at the port 443 of a public address.")
    events = _Events(required=False, default=lambda: list(USUAL), help_text="How jobs ended, if left out.")


class WebhookEndpointChangeSerializer(_Fields):
    """What is to change."""

    schema_rules: ClassVar = {"minProperties": 1}

    url = Text(**_OPTIONAL, max_length=2048, validators=[_URL])
    events = _Events(**_OPTIONAL)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if not attrs:
            raise serializers.ValidationError("Give at least one field.", "empty")
        return attrs


class RotateSecretSerializer(ReasonSerializer):
    overlap_hours = WholeNumber(
        required=False,
        default=OVERLAP_HOURS,
        min_value=0,
        max_value=LONGEST_OVERLAP_HOURS,
        help_text="For so long messages are signed with the secret before as well; 0 ends it at once.",
    )


class ResendFailedSerializer(ReasonSerializer):
    since = Moment(help_text="Of events that happened at this moment or later.")
    until = Moment(required=False, help_text="And before this one.")


class ResentSerializer(serializers.Serializer[Any]):
    resent = serializers.IntegerField(help_text="Deliveries that are sent again.")
    more = serializers.BooleanField(help_text="There may be more of them: ask once more.")


class AttemptSerializer(serializers.Serializer[Any]):
    number = serializers.IntegerField()
    at = serializers.DateTimeField()
    status = serializers.IntegerField(allow_null=True, help_text="null where nothing answered.")
    milliseconds = serializers.IntegerField()
    error = serializers.CharField(help_text='"" where it was accepted.')
    excerpt = serializers.CharField(help_text="The first words of the answer, without what looks like a secret.")


class ListedWebhookDeliverySerializer(serializers.ModelSerializer[WebhookDelivery]):
    """An event on its way to an endpoint."""

    delivery_id = serializers.UUIDField(source="id", read_only=True)
    endpoint_id = serializers.UUIDField(read_only=True)
    webhook_id = serializers.CharField(
        source="message_id", read_only=True, help_text="The header of its messages, the same in every attempt."
    )
    happened_at = serializers.DateTimeField(source="at", read_only=True)
    # The class has a property of this name, for what it has made of the row.
    data = JsonObject(read_only=True, help_text="What the endpoint is told.")  # type: ignore[assignment]
    state = serializers.ChoiceField(choices=STATES, read_only=True)
    last_status = serializers.IntegerField(read_only=True, allow_null=True)
    next_attempt_at = serializers.SerializerMethodField(help_text="null when there is to be none.")

    class Meta:
        model = WebhookDelivery
        fields: tuple[str, ...] = (
            *("delivery_id", "endpoint_id", "webhook_id", "event", "happened_at", "data", "state", "tries"),
            *("last_status", "last_error", "next_attempt_at", "ended_at", "created_at"),
        )
        read_only_fields: tuple[str, ...] = fields

    @extend_schema_field({"type": ["string", "null"], "format": "date-time"})
    def get_next_attempt_at(self, delivery: WebhookDelivery) -> str | None:
        if delivery.state != WebhookDelivery.State.WAITING:
            return None
        return serializers.DateTimeField().to_representation(delivery.next_attempt_at)


class WebhookDeliverySerializer(ListedWebhookDeliverySerializer):
    """The same with its attempts, the latest last."""

    attempts = AttemptSerializer(many=True, read_only=True)

    class Meta(ListedWebhookDeliverySerializer.Meta):
        fields = (*ListedWebhookDeliverySerializer.Meta.fields, "attempts")
        read_only_fields = fields
