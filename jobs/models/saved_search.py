from typing import Any, ClassVar, Self

from django.conf import settings
from django.db import models
from django.db.models import Q

from jobs.models.columns import ClockTimestamp, Uuid7, uuid7


class SavedSearchQuerySet(models.QuerySet["SavedSearch"]):
    def offered_to(self, user: Any) -> Self:
        """Give the user's own, and what others share."""
        return self.filter(Q(user=user) | Q(shared=True))


class SavedSearch(models.Model):
    """A query over jobs that somebody wants to ask again."""

    id = models.UUIDField(primary_key=True, default=uuid7, db_default=Uuid7(), editable=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="saved_searches")
    name = models.CharField(max_length=80)
    #: In the language of docs/search.md; read again at every use.
    query = models.TextField()
    sort = models.TextField(blank=True, default="", db_default="")
    #: Whether everybody of the staff sees it; only its owner changes it.
    shared = models.BooleanField(default=False, db_default=False)
    created_at = models.DateTimeField(db_default=ClockTimestamp(), editable=False)

    objects = SavedSearchQuerySet.as_manager()

    class Meta:
        db_table = "job_saved_searches"
        ordering: ClassVar = ["name", "id"]
        verbose_name_plural = "saved searches"
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["user", "name"], name="saved_search_name"),
            models.CheckConstraint(condition=~Q(name=""), name="saved_search_named"),
        ]

    def __str__(self) -> str:
        return self.name
