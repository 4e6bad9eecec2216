from typing import ClassVar

from django.conf import settings
from django.db import models

from jobs.models.article import Article
from jobs.models.columns import ClockTimestamp, Uuid7, uuid7


class Summary(models.Model):
    """One summary of an article. There may be several: a refused one stays, with the reasons."""

    id = models.UUIDField(primary_key=True, default=uuid7, db_default=Uuid7(), editable=False)
    # The index on (article, id) serves it.
    article = models.ForeignKey(Article, models.CASCADE, related_name="summaries", db_index=False)
    #: The article's owner.
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+", db_index=False
    )
    text = models.TextField()
    #: What it really is in; empty if that cannot be told.
    language = models.TextField(blank=True, default="", db_default="")
    #: The length that was asked for: short, medium or long.
    length = models.TextField(default="medium", db_default="medium")
    #: Who wrote it: "groq", "claude", or "extractive" for the article's own beginning.
    provider = models.TextField()
    model = models.TextField(blank=True, default="", db_default="")
    #: NULL: not judged yet.
    accepted = models.BooleanField(null=True)
    #: What is wrong with it: a list of {"code", "detail"}.
    reasons = models.JSONField(default=list, blank=True)
    input_tokens = models.IntegerField(default=0, db_default=0)
    output_tokens = models.IntegerField(default=0, db_default=0)
    #: In US dollars.
    cost = models.DecimalField(max_digits=12, decimal_places=6, default=0, db_default=0)
    #: The job that wrote it. No foreign key: jobs are pruned, and what they made stays.
    job_id = models.UUIDField(null=True, blank=True)
    created_at = models.DateTimeField(db_default=ClockTimestamp(), editable=False)

    class Meta:
        db_table = "article_summaries"
        ordering: ClassVar = ["-id"]
        verbose_name_plural = "summaries"
        constraints: ClassVar = [
            # A job that is run again after a crash writes the same one, not another.
            models.UniqueConstraint(
                fields=["article"], condition=models.Q(accepted=True), name="summary_accepted_once"
            ),
        ]
        indexes: ClassVar = [
            # An article's summaries, newest first.
            models.Index(models.F("article"), models.F("id").desc(), name="summary_of_article"),
        ]

    def __str__(self) -> str:
        return self.text[:80]
