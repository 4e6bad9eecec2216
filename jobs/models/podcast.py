from typing import Any, ClassVar, Self

from django.conf import settings
from django.db import models

from jobs.models.article import Article
from jobs.models.columns import ClockTimestamp, Uuid7, uuid7


class PodcastQuerySet(models.QuerySet["Podcast"]):
    def owned_by(self, user: Any) -> Self:
        return self.filter(user=user)

    def visible(self) -> Self:
        """Leave out those of articles that were deleted by their owner."""
        return self.exclude(article__is_deleted=True)


class Podcast(models.Model):
    """An article as something to listen to: the script, and the file that it was spoken into."""

    id = models.UUIDField(primary_key=True, default=uuid7, db_default=Uuid7(), editable=False)
    # The index on (article, id) serves it. Without an article it was made of a text that nobody stored.
    article = models.ForeignKey(Article, models.CASCADE, null=True, blank=True, related_name="podcasts", db_index=False)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+", db_index=False
    )
    #: What is said.
    script = models.TextField()
    language = models.TextField(blank=True, default="", db_default="")
    #: Where Django's storage has it.
    audio = models.FileField(upload_to="podcasts/%Y/%m", max_length=200)
    #: Of the file, such as audio/mpeg.
    content_type = models.TextField()
    size_bytes = models.BigIntegerField()
    duration_seconds = models.FloatField()
    #: What spoke it: "espeak-ng", or the name of the speech endpoint's model.
    engine = models.TextField()
    voice = models.TextField(blank=True, default="", db_default="")
    #: The job that made it; one at most, however often that was run. No foreign key: jobs are pruned.
    job_id = models.UUIDField(unique=True)
    created_at = models.DateTimeField(db_default=ClockTimestamp(), editable=False)

    objects = PodcastQuerySet.as_manager()

    class Meta:
        db_table = "article_podcasts"
        ordering: ClassVar = ["-id"]
        indexes: ClassVar = [
            # An article's podcasts, newest first.
            models.Index(models.F("article"), models.F("id").desc(), name="podcast_of_article"),
        ]

    def __str__(self) -> str:
        return f"{self.duration_seconds:.0f} s of {self.article_id or 'a text'}"
