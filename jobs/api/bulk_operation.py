"""A bulk operation as the API shows it."""

from typing import Any

from rest_framework import serializers

from accounts.api.fields import JsonObject
from jobs.bulk.figures import figures_of
from jobs.bulk.following import fate_of_all
from jobs.models import BulkItem, BulkOperation
from jobs.statuses import BulkState


class ListedBulkOperationSerializer(serializers.Serializer[Any]):
    """How far an operation is."""

    id = serializers.UUIDField()
    target = serializers.CharField()
    action = serializers.CharField()
    state = serializers.ChoiceField(BulkState.choices)
    state_reason = serializers.CharField(help_text="Why it waits, or what it failed of.")
    matched = serializers.IntegerField(help_text="Rows that the selection found when it began.")
    matched_capped = serializers.BooleanField(help_text="Whether there may be more than were counted.")
    done = serializers.IntegerField()
    skipped = serializers.IntegerField(help_text="Left alone, because their state did not allow it any more.")
    failed = serializers.IntegerField(help_text="Rows that it could not act on; `again` does these again.")
    progress = serializers.FloatField(allow_null=True, help_text="Percent; null where it was not counted to the end.")
    eta_seconds = serializers.FloatField(allow_null=True, help_text="How long the rest will take, if that is known.")
    rate_per_second = serializers.FloatField(allow_null=True, help_text="At most; null is as fast as it goes.")
    max_items = serializers.IntegerField(allow_null=True)
    canary = serializers.IntegerField(allow_null=True)
    canary_proceeds = serializers.BooleanField()
    canary_seconds = serializers.FloatField()
    proceeded_at = serializers.DateTimeField(allow_null=True, help_text="When it went on behind its canary.")
    reason = serializers.CharField()
    actor = serializers.CharField(source="actor_name")
    again = serializers.UUIDField(source="again_id", allow_null=True, help_text="Whose failures it does again.")
    job_id = serializers.UUIDField(source="job", allow_null=True, help_text="The job that works on it.")
    created_at = serializers.DateTimeField()
    started_at = serializers.DateTimeField(allow_null=True)
    ended_at = serializers.DateTimeField(allow_null=True)

    def to_representation(self, instance: BulkOperation) -> dict[str, Any]:
        figures = figures_of(instance)
        instance.progress, instance.eta_seconds = figures.percent, figures.eta_seconds  # type: ignore[attr-defined]
        return super().to_representation(instance)


class FateSerializer(serializers.Serializer[Any]):
    """What became of the jobs that it put back to work, by all of them or by a sample spread evenly."""

    looked_at = serializers.IntegerField()
    completed = serializers.IntegerField()
    dead = serializers.IntegerField(help_text="Dead letters again.")
    failed = serializers.IntegerField()
    cancelled = serializers.IntegerField()
    running = serializers.IntegerField()
    pending = serializers.IntegerField()
    gone = serializers.IntegerField(help_text="Pruned since.")


class BulkOperationSerializer(ListedBulkOperationSerializer):
    """How far an operation is, what it acts on, and what became of that."""

    selector = JsonObject()
    arguments = JsonObject()
    outcomes = FateSerializer()

    def to_representation(self, instance: BulkOperation) -> dict[str, Any]:
        instance.outcomes = fate_of_all(instance)  # type: ignore[attr-defined]
        return super().to_representation(instance)


class SampleSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField(source="pk")
    type = serializers.CharField(source="job_type")
    error_message = serializers.CharField(allow_null=True)


class BulkLookSerializer(serializers.Serializer[Any]):
    """What an operation would act on."""

    dry_run = serializers.BooleanField()
    matched = serializers.IntegerField(help_text="Counted up to 10,000.")
    matched_capped = serializers.BooleanField(help_text="Whether there may be more.")
    samples = SampleSerializer(many=True, help_text="The oldest ten.")


class BulkItemSerializer(serializers.ModelSerializer[BulkItem]):
    """A row that it could not act on."""

    class Meta:
        model = BulkItem
        fields = ("id", "target_id", "outcome", "reason", "at")
        read_only_fields = fields
        extra_kwargs = {"target_id": {"help_text": "The job's or the dead letter's id."}}
