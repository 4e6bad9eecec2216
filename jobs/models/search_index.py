from typing import ClassVar, Self

from django.db import models
from django.db.models import Q

from jobs.models.columns import ClockTimestamp


class SearchIndexQuerySet(models.QuerySet["SearchIndex"]):
    def written(self) -> Self:
        """Those that every change of a job is sent to: the one that serves, and the one that is being built."""
        return self.filter(state__in=[SearchIndex.State.BUILDING, SearchIndex.State.SERVING])

    def serving(self) -> "SearchIndex | None":
        """Give the one that searches are answered from; None while there is none, and PostgreSQL answers."""
        return self.filter(state=SearchIndex.State.SERVING).first()

    def building(self) -> "SearchIndex | None":
        return self.filter(state=SearchIndex.State.BUILDING).first()


class SearchIndex(models.Model):
    """An index of jobs in the search engine, and how far it has come; without any row search is switched off.

    What has to survive a kill of `manage.py search reindex` stands here: it goes on from the row that it finds.
    """

    class State(models.TextChoices):
        #: It gets every change, and is being loaded with what was there before.
        BUILDING = "building", "Building"
        SERVING = "serving", "Serving"
        #: It has been replaced and gets no changes any more; it is kept for a day and then deleted.
        RETIRED = "retired", "Retired"

    #: Of the index in the engine; the alias, which searches go to, is the part before the number.
    name = models.TextField(primary_key=True)
    state = models.TextField(choices=State.choices, default=State.BUILDING, db_default="building")
    #: Which mapping it was made with; another one in the code wants a new index.
    mapping_version = models.IntegerField()
    #: Loading goes by id: everything up to this one has been sent.
    loaded_to = models.UUIDField(null=True, blank=True)
    loaded = models.BigIntegerField(default=0, db_default=0)
    #: How many jobs there seemed to be when it began, by PostgreSQL's statistics.
    expected = models.BigIntegerField(default=0, db_default=0)
    #: When the last job that was there was sent; from then on only changes are.
    loaded_at = models.DateTimeField(null=True, blank=True)
    #: Whoever loads it may do so until then, and proves by the token that nobody else has taken over.
    held_until = models.DateTimeField(null=True, blank=True)
    token = models.BigIntegerField(default=0, db_default=0)
    #: What the latest reconciliation found and repaired; NULL before the first.
    reconciled_at = models.DateTimeField(null=True, blank=True)
    missing = models.BigIntegerField(null=True, blank=True)
    stale = models.BigIntegerField(null=True, blank=True)
    orphaned = models.BigIntegerField(null=True, blank=True)
    #: How many reconciliations in a row, up to the latest, found something.
    drifting_runs = models.IntegerField(default=0, db_default=0)
    created_at = models.DateTimeField(db_default=ClockTimestamp(), editable=False)
    serving_since = models.DateTimeField(null=True, blank=True)
    retired_at = models.DateTimeField(null=True, blank=True)

    objects = SearchIndexQuerySet.as_manager()

    class Meta:
        db_table = "job_search_indexes"
        ordering: ClassVar = ["-created_at"]
        verbose_name_plural = "search indexes"
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["state"], condition=Q(state__in=["building", "serving"]), name="search_one_index_of_a_state"
            ),
            models.CheckConstraint(
                condition=Q(state__in=["building", "serving", "retired"]), name="search_index_state_valid"
            ),
            models.CheckConstraint(
                condition=~Q(state="serving") | Q(serving_since__isnull=False), name="search_index_serving_since"
            ),
        ]

    def __str__(self) -> str:
        return self.name
