"""Podcasts as clients see them: list those of an article, look at one, listen to it, delete it."""

from typing import Any, Final, cast
from uuid import UUID

from django.db.models import QuerySet
from django.http import Http404
from django.http.response import HttpResponseBase
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.views import GenericViewSet
from accounts.roles import STAFF
from jobs.api.access import ON_JOBS
from jobs.api.article import ArticlePodcastSerializer
from jobs.api.articles import visible_articles
from jobs.api.events import AcceptAnything
from jobs.models import Podcast
from jobs.models.podcast import PodcastQuerySet
from jobs.speech.podcasts import delete
from jobs.speech.serving import answer

_BINARY: Final = {"type": "string", "format": "binary"}
_TYPES: Final = ("audio/mpeg", "audio/wav")
_RANGE: Final = OpenApiParameter(
    "Range", str, OpenApiParameter.HEADER, description="`bytes=0-65535`: this part alone, in a 206."
)


class Seconds(serializers.FloatField):
    def to_representation(self, value: Any) -> Any:
        return round(float(value), 3)


class PodcastSerializer(ArticlePodcastSerializer):
    article_id = serializers.UUIDField(
        read_only=True, allow_null=True, help_text="Null if it was made of a text that was not stored."
    )
    script = serializers.CharField(read_only=True, help_text="What is said.")
    language = serializers.CharField(read_only=True)
    duration_seconds = Seconds(read_only=True, help_text="As the file has it.")
    content_type = serializers.ChoiceField(choices=_TYPES, read_only=True)
    engine = serializers.CharField(read_only=True, help_text="espeak-ng, or the model of the speech server.")
    voice = serializers.CharField(read_only=True)

    class Meta:
        model = Podcast
        fields = (
            *("podcast_id", "article_id", "script", "language", "duration_seconds", "size_bytes", "content_type"),
            *("engine", "voice", "audio_url", "job_id", "created_at"),
        )
        read_only_fields = fields


def visible_podcasts(user: Any) -> PodcastQuerySet:
    """Give the podcasts that the user may listen to; those of others are not there for them."""
    podcasts = Podcast.objects.visible()
    return podcasts if user.role in STAFF else podcasts.owned_by(user)


@extend_schema(tags=["articles"])
class ArticlePodcastViewSet(GenericViewSet[Podcast]):
    """The podcasts of an article."""

    queryset = Podcast.objects.none()
    permission_classes = ON_JOBS
    serializer_class = PodcastSerializer

    @extend_schema(operation_id="articles_podcasts", responses=PodcastSerializer(many=True))
    def list(self, request: Request, pk: UUID) -> Response:
        """List an article's podcasts, newest first."""
        if not visible_articles(request.user).filter(pk=pk).exists():
            raise Http404
        page = self.paginate_queryset(Podcast.objects.filter(article=pk))
        return self.get_paginated_response(PodcastSerializer(page, many=True).data)


@extend_schema(tags=["articles"])
class PodcastViewSet(GenericViewSet[Podcast]):
    """Podcasts of the caller; for staff, of everyone."""

    queryset = Podcast.objects.none()
    permission_classes = ON_JOBS
    serializer_class = PodcastSerializer

    def get_queryset(self) -> QuerySet[Podcast]:
        return visible_podcasts(self.request.user)

    @extend_schema(operation_id="podcasts_retrieve", responses=PodcastSerializer)
    def retrieve(self, request: Request, pk: UUID) -> Response:
        """Look at a podcast: its script, its length, who spoke it."""
        return Response(PodcastSerializer(self._visible(pk)).data)

    @extend_schema(operation_id="podcasts_destroy", responses={204: OpenApiResponse(description="Deleted.")})
    def destroy(self, request: Request, pk: UUID) -> Response:
        """Delete a podcast; its file goes a little later."""
        delete(self._visible(pk).pk, request.user)
        return Response(status=status.HTTP_204_NO_CONTENT)

    def _visible(self, pk: UUID) -> Podcast:
        podcast = self.get_queryset().filter(pk=pk).first()
        if podcast is None:
            raise Http404
        return podcast


class PodcastAudioViewSet(PodcastViewSet):
    """The files of podcasts."""

    content_negotiation_class = AcceptAnything

    @extend_schema(
        operation_id="podcasts_audio",
        parameters=[_RANGE],
        responses={
            **{(200, media_type): _BINARY for media_type in _TYPES},
            **{(206, media_type): _BINARY for media_type in _TYPES},
            304: OpenApiResponse(description="It is as you know it."),
            (416, "application/problem+json"): OpenApiResponse(
                {"$ref": "#/components/schemas/Problem"}, "The file ends before that part."
            ),
        },
    )
    def audio(self, request: Request, pk: UUID) -> HttpResponseBase:
        """Listen to a podcast, as a whole or in part."""
        return answer(cast(Any, request._request), self._visible(pk))
