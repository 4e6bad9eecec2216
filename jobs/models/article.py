from typing import Any, ClassVar, Self

from django.conf import settings
from django.db import models

from jobs.models.batch import Batch
from jobs.models.columns import ClockTimestamp, EmptyJson, Uuid7, uuid7


class ArticleQuerySet(models.QuerySet["Article"]):
    def owned_by(self, user: Any) -> Self:
        return self.filter(user=user)

    def visible(self) -> Self:
        """Leave out what was deleted by its owner."""
        return self.filter(is_deleted=False)

    def without_texts(self) -> Self:
        """Leave the long columns in the database: lists do not show them."""
        return self.defer("text", "html")


class Article(models.Model):
    """A text that was handed over to be summarized, and what is known of it."""

    class Stage(models.TextChoices):
        """How far it has come; what its jobs are doing stands with them."""

        SUBMITTED = "submitted", "Submitted"
        EXTRACTED = "extracted", "Text found"
        SUMMARIZED = "summarized", "Summarized"
        VALIDATED = "validated", "Summary accepted"
        SPOKEN = "spoken", "Podcast made"

    id = models.UUIDField(primary_key=True, default=uuid7, db_default=Uuid7(), editable=False)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+", db_index=False
    )
    #: As it was given; empty if the page itself was.
    url = models.TextField(blank=True, default="", db_default="")
    #: Where the text was found in the end, after redirects.
    resolved_url = models.TextField(blank=True, default="", db_default="")
    #: The page as it was submitted, until its text has been found.
    html = models.TextField(null=True, blank=True)  # noqa: DJ001 - NULL is "none, or not needed any more"
    #: length and language of the summary, and whether a podcast is wanted.
    preferences = models.JSONField(default=dict, db_default=EmptyJson(), blank=True)
    stage = models.TextField(choices=Stage.choices, default=Stage.SUBMITTED, db_default="submitted")
    title = models.TextField(blank=True, default="", db_default="")
    author = models.TextField(blank=True, default="", db_default="")
    #: As the page says it.
    published = models.TextField(blank=True, default="", db_default="")
    #: A code such as "ja"; empty if there is too little text to tell.
    language = models.TextField(blank=True, default="", db_default="")
    text = models.TextField(blank=True, default="", db_default="")
    #: Of the text.
    characters = models.IntegerField(default=0, db_default=0)
    #: The jobs that work on it: a workflow. It goes with its last job, and what they made stays.
    batch = models.ForeignKey(
        Batch, models.DO_NOTHING, null=True, blank=True, related_name="+", db_index=False, db_constraint=False
    )
    is_deleted = models.BooleanField(default=False, db_default=False)
    created_at = models.DateTimeField(db_default=ClockTimestamp(), editable=False)
    updated_at = models.DateTimeField(db_default=ClockTimestamp(), editable=False)
    version = models.BigIntegerField(default=1, db_default=1, editable=False)

    objects = ArticleQuerySet.as_manager()

    class Meta:
        db_table = "articles"
        ordering: ClassVar = ["-id"]
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=models.Q(stage__in=["submitted", "extracted", "summarized", "validated", "spoken"]),
                name="article_stage_valid",
            ),
            models.CheckConstraint(
                condition=models.Q(stage="submitted") | ~models.Q(text=""), name="article_has_text_when_extracted"
            ),
        ]
        indexes: ClassVar = [
            # A client's own list, newest first.
            models.Index(
                models.F("user"),
                models.F("id").desc(),
                condition=models.Q(is_deleted=False),
                name="article_owner",
            ),
            # The chore that deletes them for good.
            models.Index(fields=["updated_at"], condition=models.Q(is_deleted=True), name="article_deleted"),
        ]

    def __str__(self) -> str:
        return self.title or self.url or str(self.id)
