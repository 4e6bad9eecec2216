"""Articles as clients see them: hand over, list, look at, summarize again, delete."""

from collections.abc import Iterable
from typing import Any, ClassVar, Final, cast
from uuid import UUID

from django.db.models import QuerySet
from django.http import Http404
from django_filters import FilterSet, MultipleChoiceFilter
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.reverse import reverse

from accounts.api.idempotency import idempotent
from accounts.api.views import GenericViewSet
from accounts.models import User
from accounts.roles import STAFF
from jobs.api import described
from jobs.api.access import ON_JOBS
from jobs.api.article import (
    AgainSerializer,
    ArticleSerializer,
    ListedArticleSerializer,
    NearestSerializer,
    NewArticleSerializer,
    SummarySerializer,
)
from jobs.api.calls import request_id_of
from jobs.api.new_job import admit
from jobs.api.parameters import (
    MomentFilter,
    SeveralWords,
    StrictFilterBackend,
    WordFilter,
    before,
    refuse_unread,
    since,
)
from jobs.api.time_limit import time_limit
from jobs.articles.exceptions import UrlRefused
from jobs.models import Article, Summary
from jobs.models.article import ArticleQuerySet
from jobs.pipeline.stages import progress_of
from jobs.pipeline.steps import STEPS
from jobs.pipeline.submitting import delete_article, resubmit_article, submit_article
from jobs.similarity.nearest import MOST_NEAREST, nearest
from jobs.similarity.search import search

#: Of the nearest articles.
USUAL: Final = 10
_LIMIT: Final = OpenApiParameter(
    "limit",
    {"type": "integer", "minimum": 1, "maximum": MOST_NEAREST, "default": USUAL},
    description="How many at most.",
)
_TEXT: Final = OpenApiParameter(
    "text", {"type": "string", "enum": ["true", "false"]}, description="Whether the article's text is wanted."
)


def visible_articles(user: Any) -> ArticleQuerySet:
    """Give the articles that the user may know of; those of others are not there for them."""
    articles = Article.objects.visible()
    return articles if user.role in STAFF else articles.owned_by(user)


class ArticleFilters(FilterSet):
    """Beyond the index on a client's own articles these are bounded by the list's time limit."""

    stage = MultipleChoiceFilter(choices=Article.Stage.choices, widget=SeveralWords, help_text="One or several.")
    language = WordFilter(help_text="Of the article: a code such as ja.")
    q = WordFilter(method="filter_q", help_text="Only those that contain all of these words, in title or text.")
    created_after = MomentFilter(field_name="created_at", method=since, help_text="Inclusive.")
    created_before = MomentFilter(field_name="created_at", method=before, help_text="Exclusive.")

    class Meta:
        model = Article
        fields: ClassVar[list[str]] = []

    def filter_q(self, queryset: QuerySet[Article], name: str, q: str) -> QuerySet[Article]:
        assert self.request is not None
        user = cast(User, self.request.user)
        return queryset.filter(pk__in=search(None if user.role in STAFF else user, q).order_by().values("pk"))


@extend_schema(tags=["articles"])
class ArticleViewSet(GenericViewSet[Article]):
    """Articles of the caller; for staff, of everyone."""

    queryset = Article.objects.none()
    permission_classes = ON_JOBS
    serializer_class = ArticleSerializer
    filter_backends = (StrictFilterBackend,)
    filterset_class = ArticleFilters

    def get_queryset(self) -> QuerySet[Article]:
        return visible_articles(self.request.user).select_related("user").without_texts()

    @extend_schema(
        operation_id="articles_list", responses={200: ListedArticleSerializer(many=True), **described.TOO_BROAD}
    )
    def list(self, request: Request) -> Response:
        """List articles, newest first, with their progress and without their texts."""
        with time_limit():
            page = cast("list[Article]", self.paginate_queryset(self.filter_queryset(self.get_queryset())))
            answer = ListedArticleSerializer(page, many=True, context=_progress(page)).data
        return self.get_paginated_response(answer)

    @extend_schema(
        operation_id="articles_create",
        request=NewArticleSerializer,
        responses={201: OpenApiResponse(ArticleSerializer, "Submitted. `Location` is where the article is found.")},
    )
    @idempotent
    def create(self, request: Request) -> Response:
        """Hand over an article: it is read, summarized and checked, and spoken if wanted, by jobs of its own."""
        body = NewArticleSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        _admit(request, body.validated_data["podcast"])
        try:
            article = submit_article(request.user, **body.validated_data, request_id=request_id_of(request))
        except UrlRefused as error:
            raise serializers.ValidationError({"url": [str(error)]}) from error
        location = {"Location": reverse("article", [article.pk], request=request)}
        # It has nothing yet that would have to be read.
        answer = ArticleSerializer(article, context={**_progress([article]), "new": True}).data
        return Response(answer, status=status.HTTP_201_CREATED, headers=location)

    @extend_schema(operation_id="articles_retrieve", parameters=[_TEXT], responses=ArticleSerializer)
    def retrieve(self, request: Request, pk: UUID) -> Response:
        """Look at an article: its stages, its summary, its podcasts."""
        refuse_unread(request, {"text"})
        wish = request.query_params.get("text", "false")
        if wish not in ("true", "false"):
            raise serializers.ValidationError({"text": ["Must be true or false."]})
        return Response(self._described(pk, with_text=wish == "true"))

    @extend_schema(operation_id="articles_destroy", responses={204: OpenApiResponse(description="Deleted.")})
    def destroy(self, request: Request, pk: UUID) -> Response:
        """Hide an article; what works on it is cancelled."""
        self._visible(pk)
        delete_article(pk, request.user)
        return Response(status=status.HTTP_204_NO_CONTENT)

    @extend_schema(
        operation_id="articles_regenerate",
        request=AgainSerializer,
        responses={202: OpenApiResponse(ArticleSerializer, "Submitted; the accepted summary stays until then.")},
    )
    @idempotent
    def regenerate(self, request: Request, pk: UUID) -> Response:
        """Have it summarized again, as before or with other preferences; what is under way is cancelled."""
        article = self._visible(pk)
        body = AgainSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        wanted = body.validated_data
        _admit(request, wanted.get("podcast", bool(article.preferences.get("podcast"))))
        resubmit_article(pk, request.user, **wanted, request_id=request_id_of(request))
        return Response(self._described(pk), status=status.HTTP_202_ACCEPTED)

    @extend_schema(operation_id="articles_similar", parameters=[_LIMIT], responses=NearestSerializer)
    def similar(self, request: Request, pk: UUID) -> Response:
        """List articles of the same owner that are most like this one; none while its text has not been found."""
        refuse_unread(request, {"limit"})
        most, article = _most(request), self._visible(pk)
        found = nearest(article, most) if article.stage != Article.Stage.SUBMITTED else []
        return Response(NearestSerializer({"data": found}).data)

    def _visible(self, pk: UUID) -> Article:
        article = self.get_queryset().filter(pk=pk).first()
        if article is None:
            raise Http404
        return article

    def _described(self, pk: UUID, *, with_text: bool = False) -> Any:
        article = self._visible(pk)
        return ArticleSerializer(article, context={**_progress([article]), "with_text": with_text}).data


@extend_schema(tags=["articles"])
class SummaryViewSet(GenericViewSet[Summary]):
    """All summaries of an article, the refused ones too."""

    queryset = Summary.objects.none()
    permission_classes = ON_JOBS
    serializer_class = SummarySerializer

    @extend_schema(operation_id="articles_summaries", responses=SummarySerializer(many=True))
    def list(self, request: Request, pk: UUID) -> Response:
        """List an article's summaries, newest first, with the reasons why they were refused."""
        if not visible_articles(request.user).filter(pk=pk).exists():
            raise Http404
        page = self.paginate_queryset(Summary.objects.filter(article=pk))
        return self.get_paginated_response(SummarySerializer(page, many=True).data)


def _progress(articles: Iterable[Article]) -> dict[str, Any]:
    return {"progress": progress_of(articles)}


def _most(request: Request) -> int:
    text = request.query_params.get("limit", str(USUAL))
    if not (text.isascii() and text.isdigit() and len(text) < 4 and 1 <= int(text) <= MOST_NEAREST):
        raise serializers.ValidationError({"limit": [f"Must be a whole number from 1 to {MOST_NEAREST}."]})
    return int(text)


def _admit(request: Request, podcast: bool) -> None:
    for name, (job_type, _) in STEPS.items():
        if podcast or name != "podcast":
            admit(job_type, cast(User, request.user))
