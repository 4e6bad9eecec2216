"""The body that begins a bulk operation: what is to be done, to which rows, how fast."""

from collections.abc import Mapping
from typing import Any, ClassVar, Final

from drf_spectacular.extensions import OpenApiSerializerExtension
from rest_framework import serializers

from accounts.api.fields import Identifier, JsonObject, Moment, Number, Text, WholeNumber, YesNo
from accounts.api.strict import StrictSerializer
from jobs.api.reasons import ReasonSerializer
from jobs.bulk import wishes
from jobs.bulk.acts import ACTS, TARGETS
from jobs.bulk.selectors import MOST_IDS, QUERY_MAX_LENGTH
from jobs.bulk.wishes import Wish
from jobs.options import QUEUE_NAME, TEXT_MAX_LENGTH
from jobs.statuses import Resolution, Status

_WORD: Final[dict[str, Any]] = {"required": False, "min_length": 1, "max_length": TEXT_MAX_LENGTH}
_QUERY: Final = "A query as `GET /jobs/search` takes it, which PostgreSQL answers."


class JobSelectionSerializer(StrictSerializer):
    """Jobs for which all of this holds; an empty object is every job. The names are those of `GET /jobs`."""

    status = serializers.ListField(child=serializers.ChoiceField(Status.choices), required=False, min_length=1)
    type = Text(**_WORD)
    queue = Text(**_WORD)
    priority_min = WholeNumber(required=False, min_value=0, max_value=100)
    priority_max = WholeNumber(required=False, min_value=0, max_value=100)
    tag = Text(**_WORD)
    created_after = Moment(required=False, help_text="Inclusive.")
    created_before = Moment(required=False, help_text="Exclusive.")
    scheduled_after = Moment(required=False, help_text="Inclusive.")
    scheduled_before = Moment(required=False, help_text="Exclusive.")
    parent = Identifier(required=False)  # type: ignore[assignment]
    batch = Identifier(required=False)
    schedule = Identifier(required=False)
    deleted = YesNo(required=False, help_text="Those that were deleted instead.")
    q = Text(required=False, min_length=1, max_length=QUERY_MAX_LENGTH, help_text=_QUERY)


class LetterSelectionSerializer(StrictSerializer):
    """Dead letters for which all of this holds; without `resolution`, those that wait on the desk."""

    resolution = serializers.ListField(child=serializers.ChoiceField(Resolution.choices), required=False, min_length=1)
    type = Text(**_WORD)
    fingerprint = Text(**_WORD)
    moved_after = Moment(required=False, help_text="Inclusive.")
    moved_before = Moment(required=False, help_text="Exclusive.")
    queue = Text(**_WORD)
    q = Text(required=False, min_length=1, max_length=QUERY_MAX_LENGTH, help_text=f"Of their jobs. {_QUERY}")


class IdsSerializer(StrictSerializer):
    """These rows and no others."""

    ids = serializers.ListField(child=Identifier(), min_length=1, max_length=MOST_IDS)


class CanarySerializer(StrictSerializer):
    """So many first; then it is paused until somebody lets it proceed."""

    items = WholeNumber(min_value=1, max_value=wishes.LARGEST_CANARY)
    proceed = YesNo(required=False, default=False, help_text="Go on by itself once all of their jobs have completed.")
    watch_seconds = Number(
        required=False,
        default=wishes.WATCH,
        min_value=1,
        max_value=wishes.LONGEST_WATCH,
        help_text="Whatever has not ended by then leaves it to a person.",
    )


class RateSerializer(StrictSerializer):
    """How fast an operation is to go from now on."""

    # Nothing else can be changed, so a PATCH without it says nothing.
    schema_rules: ClassVar = {"minProperties": 1}

    rate_per_second = Number(
        min_value=wishes.SLOWEST, max_value=wishes.FASTEST, allow_null=True, help_text="null is as fast as it goes."
    )


class BulkWishSerializer(ReasonSerializer):
    """An act on many jobs or dead letters."""

    target = serializers.ChoiceField(list(TARGETS))
    action = serializers.ChoiceField(sorted({action for _, action in ACTS}))
    selector = JsonObject()
    arguments = JsonObject(required=False, default=dict)
    rate_per_second = Number(
        required=False, allow_null=True, min_value=wishes.SLOWEST, max_value=wishes.FASTEST, default=None
    )
    max_items = WholeNumber(
        required=False, allow_null=True, min_value=1, max_value=wishes.MOST_ITEMS, default=None,
        help_text="Stop after so many rows.",
    )  # fmt: skip
    canary = CanarySerializer(required=False, allow_null=True, default=None)
    dry_run = YesNo(required=False, default=False, help_text="Only say what it would act on.")

    selections: ClassVar = {"job": JobSelectionSerializer, "dead_letter": LetterSelectionSerializer}

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        selector = attrs["selector"]
        if len(selector) != 1 or not selector.keys() <= {"ids", "filter"}:
            raise serializers.ValidationError({"selector": "Give either filter or ids."}, "filter-or-ids")
        try:
            if "ids" in selector:
                attrs["selector"] = IdsSerializer.checked(selector)
            else:
                attrs["selector"] = {"filter": self.selections[attrs["target"]].checked(_object(selector["filter"]))}
        except serializers.ValidationError as error:
            inner = error.detail if "ids" in selector else {"filter": error.detail}
            raise serializers.ValidationError({"selector": inner}) from error
        return attrs

    def wish(self) -> Wish:
        """Give what is wished for; raises InvalidOption for what only the domain can tell."""
        given = self.validated_data
        canary = given["canary"] or {"items": None, "proceed": False, "watch_seconds": wishes.WATCH}
        return Wish(
            given["target"],
            given["action"],
            given["selector"],
            given["arguments"],
            given["reason"],
            given["rate_per_second"],
            given["max_items"],
            canary["items"],
            canary["proceed"],
            canary["watch_seconds"],
        ).checked()


def _object(filter_: Any) -> Any:
    if not isinstance(filter_, Mapping):
        raise serializers.ValidationError("Must be an object.", "object")
    return filter_


#: Which actions take which arguments, as JSON Schema.
_NONE: Final[dict[str, Any]] = {"type": "object", "maxProperties": 0}
_PRIORITY: Final[dict[str, Any]] = {
    "type": "object",
    "properties": {"priority": {"type": "integer", "minimum": 0, "maximum": 100}},
    "required": ["priority"],
    "additionalProperties": False,
}
_QUEUE: Final[dict[str, Any]] = {
    "type": "object",
    "properties": {"queue": {"type": "string", "pattern": f"^{QUEUE_NAME.pattern}$"}},
    "additionalProperties": False,
}
_VARIANTS: Final = (
    ("job", ["cancel", "retry", "delete", "restore"], _NONE),
    ("job", ["priority"], _PRIORITY),
    ("dead_letter", ["redrive"], _QUEUE),
    ("dead_letter", ["discard", "resolve"], _NONE),
)


class BulkWishDescription(OpenApiSerializerExtension):  # type: ignore[no-untyped-call]
    """Which actions, filters and arguments there are goes by the target."""

    target_class = BulkWishSerializer
    # Before the one that all strict serializers have.
    priority = 1

    def map_serializer(self, auto_schema: Any, direction: Any) -> dict[str, Any]:
        described = auto_schema._map_serializer(self.target, direction, bypass_extensions=True)
        ids = auto_schema.resolve_serializer(IdsSerializer, direction).ref

        def variant(target: str, actions: list[str], arguments: dict[str, Any]) -> dict[str, Any]:
            selection = auto_schema.resolve_serializer(BulkWishSerializer.selections[target], direction).ref
            by_filter = {
                "type": "object",
                "properties": {"filter": selection},
                "required": ["filter"],
                "additionalProperties": False,
            }
            own = {
                "target": {"type": "string", "const": target},
                "action": {"anyOf": [{"type": "string", "const": action} for action in actions]},
                "selector": {"oneOf": [ids, by_filter]},
                "arguments": arguments,
            }
            required = ["target", "action", "selector"] + (["arguments"] if arguments.get("required") else [])
            return {
                "title": f"{', '.join(actions)}: {target}",
                "type": "object",
                "additionalProperties": False,
                "required": required,
                "properties": {**described["properties"], **own},
            }

        return {
            "description": described["description"],
            "oneOf": [variant(*each) for each in _VARIANTS],
        }
