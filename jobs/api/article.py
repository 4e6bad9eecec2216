"""What the API says of an article, and what it takes to submit one."""

from typing import Any, ClassVar, Final
from uuid import UUID

from django.core.validators import RegexValidator
from django.db.models import F
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.reverse import reverse

from accounts.api.fields import Text, YesNo
from accounts.api.strict import StrictSerializer
from jobs.articles.markup import MOST_CHARACTERS
from jobs.articles.summarizing import LENGTHS
from jobs.articles.urls import LONGEST_URL
from jobs.models import Article, Podcast, Summary
from jobs.pipeline.stages import GONE, Progress
from jobs.statuses import Status

_LANGUAGE: Final = r"[A-Za-z]{2,3}([-_][A-Za-z0-9]{1,8}){0,4}"
#: Of a stage: its job's, or that there is none.
STAGE_STATUSES: Final = [(status, status) for status in (*Status.values, GONE)]


class PreferencesSerializer(StrictSerializer):
    """What the summary should be like."""

    length = serializers.ChoiceField(choices=list(LENGTHS), required=False)
    language = Text(
        required=False,
        max_length=35,
        validators=[RegexValidator(rf"^{_LANGUAGE}\Z")],
        help_text="A tag such as ja or en-GB; without it, the language of the article.",
    )


class AgainSerializer(StrictSerializer):
    """What should be different this time."""

    preferences = PreferencesSerializer(required=False, default=dict)
    podcast = YesNo(required=False)


class NewArticleSerializer(StrictSerializer):
    """An article to summarize: the address of a public page, or the page itself."""

    schema_rules: ClassVar = {"oneOf": [{"required": ["url"]}, {"required": ["html"]}]}

    url = Text(
        required=False,
        max_length=LONGEST_URL,
        validators=[RegexValidator(r"^https?://[^\s\\@]+\Z")],
        help_text="Public, without a port or credentials of its own.",
    )
    html = Text(required=False, max_length=MOST_CHARACTERS, validators=[RegexValidator(r"\S")])
    preferences = PreferencesSerializer(required=False, default=dict)
    podcast = YesNo(required=False, default=False, help_text="Whether it is spoken, too.")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if ("url" in attrs) == ("html" in attrs):
            raise serializers.ValidationError("Give either url or html.", "one-of")
        return attrs


class ReasonOfRefusalSerializer(serializers.Serializer[Any]):
    """One thing wrong with a summary."""

    code = serializers.CharField(help_text="Stable, such as `numbers`, `language` or `superseded`.")
    detail = serializers.CharField()


class SummarySerializer(serializers.ModelSerializer[Summary]):
    summary_id = serializers.UUIDField(source="id", read_only=True)
    accepted = serializers.BooleanField(read_only=True, allow_null=True, help_text="null: not judged yet.")
    reasons = ReasonOfRefusalSerializer(
        many=True, read_only=True, help_text="Why it was refused; remarks, if it was accepted all the same."
    )
    cost = serializers.DecimalField(max_digits=12, decimal_places=6, read_only=True, help_text="In US dollars.")

    class Meta:
        model = Summary
        fields = (
            *("summary_id", "text", "language", "length", "provider", "model", "accepted", "reasons"),
            *("input_tokens", "output_tokens", "cost", "job_id", "created_at"),
        )
        read_only_fields = fields


class ArticlePodcastSerializer(serializers.ModelSerializer[Podcast]):
    podcast_id = serializers.UUIDField(source="id", read_only=True)
    audio_url = serializers.SerializerMethodField(help_text="Where it can be listened to, with the same key.")

    class Meta:
        model = Podcast
        fields = (
            *("podcast_id", "audio_url", "content_type", "size_bytes", "duration_seconds"),
            *("language", "engine", "created_at"),
        )
        read_only_fields = fields

    def get_audio_url(self, podcast: Podcast) -> str:
        return reverse("podcast-audio", [podcast.pk])


class NearArticleSerializer(serializers.Serializer[Any]):
    """Another article, and how much it is like the one asked about."""

    article_id = serializers.UUIDField()
    title = serializers.CharField(allow_blank=True)
    score = serializers.FloatField(min_value=0, max_value=1)


class NearestSerializer(serializers.Serializer[Any]):
    """Articles of the same owner, the most alike first."""

    # Under this name in every list of the API; the framework has an attribute of it, which its fields do not disturb.
    data = NearArticleSerializer(many=True)  # type: ignore[assignment]


class StageStateSerializer(serializers.Serializer[Any]):
    """One stage on the way of an article, and the job that leads to it."""

    stage = serializers.ChoiceField(choices=Article.Stage.choices)
    job_type = serializers.CharField()
    job_id = serializers.UUIDField(allow_null=True, help_text="null: the job is not there any more.")
    status = serializers.ChoiceField(
        choices=STAGE_STATUSES,
        help_text="Of the job; `gone` where it was pruned and the stage was not reached.",
    )
    progress = serializers.IntegerField(min_value=0, max_value=100)
    message = serializers.CharField(allow_blank=True)
    error = serializers.CharField(allow_null=True, help_text="What its last failed attempt said.")


class ListedArticleSerializer(serializers.ModelSerializer[Article]):
    article_id = serializers.UUIDField(source="id", read_only=True)
    user_id = serializers.CharField(source="user.user_id", read_only=True, default=None, allow_null=True)
    stage = serializers.ChoiceField(choices=Article.Stage.choices, read_only=True, help_text="How far it has come.")
    status = serializers.SerializerMethodField(help_text="Of all stages in one word; `pending` until it has begun.")
    progress = serializers.SerializerMethodField(help_text="How many of a hundred parts of the way are done.")
    preferences = serializers.SerializerMethodField()
    podcast = serializers.SerializerMethodField(help_text="Whether it is spoken, too.")
    batch_id = serializers.UUIDField(read_only=True, allow_null=True, help_text="The workflow of its jobs.")

    class Meta:
        model = Article
        fields: tuple[str, ...] = (
            *("article_id", "url", "resolved_url", "title", "author", "published", "language", "characters"),
            *("stage", "status", "progress", "preferences", "podcast"),
            *("user_id", "batch_id", "created_at", "updated_at"),
        )
        read_only_fields: tuple[str, ...] = fields

    @extend_schema_field(serializers.ChoiceField(choices=STAGE_STATUSES))
    def get_status(self, article: Article) -> str:
        return self._progress(article).status

    def get_progress(self, article: Article) -> int:
        return self._progress(article).percent

    @extend_schema_field(PreferencesSerializer)
    def get_preferences(self, article: Article) -> dict[str, Any]:
        return {name: value for name, value in article.preferences.items() if name in ("length", "language") and value}

    def get_podcast(self, article: Article) -> bool:
        return bool(article.preferences.get("podcast"))

    def _progress(self, article: Article) -> Progress:
        known: dict[UUID, Progress] = self.context["progress"]
        return known[article.pk]


class ArticleSerializer(ListedArticleSerializer):
    """An article with its stages, its summary and its podcasts."""

    stages = serializers.SerializerMethodField()
    summary = serializers.SerializerMethodField(help_text="The accepted one, or else the newest; null without any.")
    podcasts = serializers.SerializerMethodField(help_text="Newest first.")
    text = serializers.SerializerMethodField(help_text="Only if asked for with `text=true`.")

    class Meta(ListedArticleSerializer.Meta):
        fields = (*ListedArticleSerializer.Meta.fields, "stages", "summary", "podcasts", "text")
        read_only_fields = fields

    @extend_schema_field(StageStateSerializer(many=True))
    def get_stages(self, article: Article) -> Any:
        return StageStateSerializer(self._progress(article).stages, many=True).data

    @extend_schema_field({"oneOf": [{"$ref": "#/components/schemas/Summary"}, {"type": "null"}]})
    def get_summary(self, article: Article) -> Any:
        if self.context.get("new"):
            return None
        found = Summary.objects.filter(article=article).order_by(F("accepted").desc(nulls_last=True), "-id").first()
        return None if found is None else SummarySerializer(found).data

    @extend_schema_field(ArticlePodcastSerializer(many=True))
    def get_podcasts(self, article: Article) -> Any:
        if self.context.get("new"):
            return []
        return ArticlePodcastSerializer(Podcast.objects.filter(article=article).order_by("-id"), many=True).data

    @extend_schema_field({"type": ["string", "null"]})
    def get_text(self, article: Article) -> str | None:
        return article.text if self.context.get("with_text") else None
