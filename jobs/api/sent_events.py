"""What a job is told from outside, as clients send and see it."""

from typing import Any, ClassVar
from uuid import UUID

from django.core.validators import RegexValidator
from django.http import Http404
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.fields import JsonObject, Text
from accounts.api.strict import StrictSerializer
from jobs import events
from jobs.api.access import visible_jobs
from jobs.models import Event
from jobs.tasks.waiting import EVENT_NAME


class NewEventSerializer(StrictSerializer):
    """An event for a job."""

    name = Text(
        validators=[RegexValidator(rf"^{EVENT_NAME.pattern}\Z")], help_text="What the handler waits for by this name."
    )
    payload = JsonObject(required=False, help_text="What the handler is given; empty if left out.")


class EventSerializer(serializers.ModelSerializer[Event]):
    event_id = serializers.UUIDField(source="id", read_only=True)
    job_id = serializers.UUIDField(read_only=True)
    payload = JsonObject(read_only=True)

    class Meta:
        model = Event
        fields: ClassVar = ("event_id", "job_id", "name", "payload", "created_at")
        read_only_fields: ClassVar = fields


def send(request: Request, job_id: UUID) -> Response:
    """Send what the body says to a job that the caller may see."""
    body: Any = NewEventSerializer(data=request.data)
    body.is_valid(raise_exception=True)
    if not visible_jobs(request.user).filter(pk=job_id).exists():
        raise Http404
    event = events.send(job_id, body.validated_data["name"], body.validated_data.get("payload"), request.user)
    return Response(EventSerializer(event).data, status=status.HTTP_201_CREATED)
