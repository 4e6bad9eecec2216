from typing import Any, ClassVar, Final

from rest_framework import serializers

from accounts.api.fields import AnyJson, JsonObject
from jobs.models import DeadLetter

#: Left out of lists.
LARGE: Final = ("payload", "redriven_payload", "error_history")


class ListedDeadLetterSerializer(serializers.ModelSerializer[DeadLetter]):
    """A job that gave up, without its payload and history."""

    job_id = serializers.UUIDField(source="original_job_id", read_only=True)
    type = serializers.CharField(source="job_type", read_only=True)
    fingerprint = serializers.CharField(source="error_fingerprint", read_only=True)
    resolution = serializers.CharField(source="resolution_status", read_only=True)
    notes = serializers.CharField(source="resolution_notes", read_only=True)
    resolved_by = serializers.CharField(source="resolved_by.user_id", read_only=True, default=None, allow_null=True)
    user_id = serializers.CharField(
        source="user.user_id", read_only=True, default=None, allow_null=True, help_text="Whose job it was."
    )
    assignee = serializers.CharField(
        source="assignee.user_id", read_only=True, default=None, allow_null=True, help_text="Who looks after it."
    )

    class Meta:
        model = DeadLetter
        fields: ClassVar[tuple[str, ...]] = (
            *("id", "job_id", "type", "error_class", "error_message", "fingerprint", "moved_at", "occurrence"),
            *("queue", "worker", "version", "user_id", "resolution", "notes", "assignee", "ticket", "ignored_until"),
            *("resolved_at", "resolved_by", "redriven_queue", "redrive_outcome", "redrive_ended_at"),
        )
        extra_kwargs: ClassVar[dict[str, Any]] = {
            "occurrence": {"help_text": "Which death of its job this is."},
            "queue": {"help_text": 'Where it died; "" where that was not kept.'},
            "version": {"help_text": "The function's version and the worker's release, as far as they are known."},
            "redriven_queue": {"help_text": 'Where it was redriven to; "" is where it died.'},
            "redrive_outcome": {"help_text": 'What became of the redriven job; "" until it ends.'},
        }
        read_only_fields = fields


class DeadLetterSerializer(ListedDeadLetterSerializer):
    """A job that gave up, as it was then: redriving it changes nothing here."""

    payload = AnyJson(read_only=True)
    redriven_payload = AnyJson(read_only=True, help_text="The edited payload it was redriven with, else null.")
    error_history = serializers.ListField(
        child=JsonObject(), read_only=True, help_text="Every failed attempt, with tracebacks."
    )

    class Meta(ListedDeadLetterSerializer.Meta):
        fields = (*ListedDeadLetterSerializer.Meta.fields, *LARGE)
        read_only_fields = fields
