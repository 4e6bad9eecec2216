"""One act on all the dead letters that a filter finds, after a look at how many these are."""

from collections.abc import Callable
from typing import Any, ClassVar, Final

from drf_spectacular.utils import PolymorphicProxySerializer, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.fields import Identifier, Moment, Text, WholeNumber, YesNo
from accounts.api.idempotency import idempotent
from accounts.api.strict import StrictSerializer
from accounts.api.views import APIView
from jobs import dead_letters
from jobs.api.access import ON_THE_DESK
from jobs.api.dead_letter import LARGE, ListedDeadLetterSerializer
from jobs.api.parameters import before, since
from jobs.api.reasons import ReasonSerializer
from jobs.api.time_limit import time_limit
from jobs.models import DeadLetter
from jobs.models.dead_letter import DeadLetterQuerySet
from jobs.options import TEXT_MAX_LENGTH

#: More would keep the request open for too long; the answer says whether to come again.
MOST: Final = 1_000
COUNT_CAP: Final = 10_000
SAMPLES: Final = 10

ACTS: Final[dict[str, Callable[..., DeadLetter]]] = {
    "redrive": dead_letters.redrive,
    "discard": dead_letters.discard,
    "resolve": dead_letters.resolve,
}


class DeadLetterSelectionSerializer(StrictSerializer):
    """Open and triaged letters for which all of this holds; an empty object means all of those."""

    type = Text(required=False, min_length=1, max_length=TEXT_MAX_LENGTH)
    fingerprint = Text(required=False, min_length=1, max_length=TEXT_MAX_LENGTH)
    moved_after = Moment(required=False)
    moved_before = Moment(required=False)


class BulkActSerializer(ReasonSerializer):
    """An act on the letters of a filter, or on the letters with these ids."""

    schema_rules: ClassVar = {"oneOf": [{"required": ["filter"]}, {"required": ["ids"]}]}

    action = serializers.ChoiceField(choices=list(ACTS))
    filter = DeadLetterSelectionSerializer(required=False)
    ids = serializers.ListField(child=Identifier(), required=False, min_length=1, max_length=MOST)
    dry_run = YesNo(required=False, default=True, help_text="Only say what would be done.")
    limit = WholeNumber(required=False, default=MOST, min_value=1, max_value=MOST)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if ("filter" in attrs) == ("ids" in attrs):
            raise serializers.ValidationError("Give either filter or ids.", "filter-or-ids")
        return attrs


class BulkPreviewSerializer(serializers.Serializer[Any]):
    """What would be done."""

    dry_run = serializers.BooleanField()
    matching = serializers.IntegerField(help_text="Open letters that are meant, counted up to 10,000.")
    matching_capped = serializers.BooleanField(help_text="Whether there are more than that.")
    samples = ListedDeadLetterSerializer(many=True, help_text="The oldest ten.")


class BulkReportSerializer(serializers.Serializer[Any]):
    """What was done."""

    dry_run = serializers.BooleanField()
    done = serializers.IntegerField()
    skipped = serializers.IntegerField()
    reasons = serializers.DictField(
        child=serializers.CharField(), help_text="Why letters were skipped, by id; the first 100."
    )
    more = serializers.BooleanField(help_text="Whether letters of the selection are still open.")


class DeadLetterBulkView(APIView):
    permission_classes = ON_THE_DESK

    @extend_schema(
        operation_id="dead_letters_bulk",
        tags=["dead letters"],
        request=BulkActSerializer,
        responses=PolymorphicProxySerializer(
            "BulkAnswer", [BulkPreviewSerializer, BulkReportSerializer], resource_type_field_name=None
        ),
    )
    @idempotent
    def post(self, request: Request) -> Response:
        """Redrive, discard or resolve many letters, oldest first; unless `dry_run` is false, only say which.

        One that cannot be acted on is skipped with its reason and does not hold up the others.
        """
        wish = BulkActSerializer(data=request.data)
        wish.is_valid(raise_exception=True)
        chosen = wish.validated_data
        letters = _selected(chosen)
        if chosen["dry_run"]:
            return Response(_preview(letters))
        report = dead_letters.bulk(ACTS[chosen["action"]], letters, request.user, chosen["reason"], chosen["limit"])
        answer = {"done": report.done, "skipped": report.skipped, "reasons": report.reasons}
        return Response({"dry_run": False, **answer, "more": letters.open().exists()})


def _selected(chosen: dict[str, Any]) -> DeadLetterQuerySet:
    letters = DeadLetter.objects.open()
    if "ids" in chosen:
        return letters.filter(id__in=chosen["ids"])
    wanted = chosen["filter"]
    for name, column in (("type", "job_type"), ("fingerprint", "error_fingerprint")):
        if name in wanted:
            letters = letters.filter(**{column: wanted[name]})
    if "moved_after" in wanted:
        letters = since(letters, "moved_at", wanted["moved_after"])
    if "moved_before" in wanted:
        letters = before(letters, "moved_at", wanted["moved_before"])
    return letters


def _preview(letters: DeadLetterQuerySet) -> dict[str, Any]:
    with time_limit():
        counted = letters.order_by()[: COUNT_CAP + 1].count()
        samples = list(letters.select_related("resolved_by", "assignee", "user").defer(*LARGE).order_by("id")[:SAMPLES])
    return {
        "dry_run": True,
        "matching": min(counted, COUNT_CAP),
        "matching_capped": counted > COUNT_CAP,
        "samples": ListedDeadLetterSerializer(samples, many=True).data,
    }
