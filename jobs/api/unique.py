"""What a client says of the uniqueness of a job."""

from typing import Any, Final

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from accounts.api.fields import Number, Text
from accounts.api.strict import StrictSerializer
from jobs.exceptions import InvalidOption
from jobs.statuses import Status
from jobs.uniqueness import FIELD_MAX_LENGTH, LONGEST_PERIOD, MAX_FIELDS, MODES, Unique

_PENDING: Final = {"const": Status.PENDING.value}
_STATES: Final = {
    "type": "array",
    "items": {"type": "string", "enum": Status.values},
    "maxItems": len(Status.values),
    "default": ["pending", "processing"],
    "description": "While the first job's status is one of these it holds the key. With any other than pending goes "
    "processing.",
    "allOf": [{"contains": _PENDING}],
    # Those that keep the key beyond waiting keep it without a gap.
    "anyOf": [{"items": _PENDING}, {"contains": {"const": Status.PROCESSING.value}}],
}


@extend_schema_field(_STATES)
class States(serializers.ListField):
    child = serializers.ChoiceField(Status.choices)


class UniqueSerializer(StrictSerializer):
    """At most one job of a type for the same values; what becomes of the second, `mode` says."""

    fields = serializers.ListField(  # type: ignore[assignment] # the framework calls something else so
        child=Text(min_length=1, max_length=FIELD_MAX_LENGTH),
        required=False,
        min_length=1,
        max_length=MAX_FIELDS,
        help_text="The members of the payload that count; without it, and without unique_key, all of them.",
    )
    period = Number(
        required=False,
        min_value=0.001,
        max_value=LONGEST_PERIOD,
        help_text="Seconds after which the first job holds the key no longer, whatever its status.",
    )
    states = States(required=False, max_length=len(Status.values))
    mode = serializers.ChoiceField(
        MODES,
        required=False,
        default="skip",
        help_text="skip: the first job is the answer, with status 200. raise: 409 `unique-key-conflict`. replace: the "
        "first becomes what the second would have been, if it has not begun. debounce: the same, and its delay begins "
        "anew; needs `delay` or `scheduled_at`.",
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        try:
            Unique.of(attrs)
        except InvalidOption as error:
            raise serializers.ValidationError(error.detail) from error
        return attrs


#: What goes with it in the body that has it, and what does not.
RULES: Final[list[dict[str, Any]]] = [
    {
        "anyOf": [
            {"required": ["delay"]},
            {"required": ["scheduled_at"]},
            {"properties": {"unique": {"properties": {"mode": {"not": {"const": "debounce"}}}}}},
        ]
    },
    {"anyOf": [{"not": {"required": ["unique_key"]}}, {"properties": {"unique": {"not": {"required": ["fields"]}}}}]},
]


def check_rules(body: dict[str, Any]) -> None:
    """Raise ValidationError for a policy that does not go with the rest of the body."""
    unique = body.get("unique") or {}
    if unique.get("mode") == "debounce" and not body.keys() & {"delay", "scheduled_at"}:
        raise serializers.ValidationError({"unique": ["debounce needs a delay or a scheduled_at."]})
    if "unique_key" in body and "fields" in unique:
        raise serializers.ValidationError({"unique": ["fields cannot be given together with unique_key."]})
