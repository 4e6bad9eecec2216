"""Putting documents aside that the search engine will not take, and trying them again after a while."""

from collections.abc import Sequence
from importlib.resources import files
from typing import Final
from uuid import UUID

from django.db import connection
from django.db.models.functions import Now

from jobs.models import SearchRejection
from jobs.search.sync.sending import Outcomes
from jobs.search.sync.slots import Held, SlotOf

#: Of what the engine says, so much is kept.
LONGEST_MESSAGE: Final = 2_000
#: In one round, so that they take no room from jobs that have changed.
MOST_RETRIED: Final = 50

_PUT_ASIDE: Final = (files("jobs") / "sql" / "queries" / "put_aside_jobs.sql").read_text()


def due(held: Held) -> list[UUID]:
    """Name jobs whose documents are to be tried again."""
    aside = SearchRejection.objects.annotate(slot=SlotOf("job_id")).filter(slot=held.number, retry_at__lte=Now())
    return list(aside.order_by("retry_at").values_list("job_id", flat=True)[:MOST_RETRIED])


def settle_rejections(outcomes: Outcomes) -> None:
    """Put aside what was refused, and forget of what was taken that it ever was; in the caller's transaction."""
    if outcomes.sent:
        forget(list(outcomes.sent))
    if outcomes.rejected:
        versions, words = zip(*outcomes.rejected.values(), strict=True)
        values = {
            "ids": list(outcomes.rejected),
            "versions": list(versions),
            "words": [word.replace("\0", "")[:LONGEST_MESSAGE] for word in words],
        }
        with connection.cursor() as cursor:
            cursor.execute(_PUT_ASIDE, values)


def forget(ids: Sequence[UUID]) -> None:
    """Forget that documents of these jobs were refused."""
    SearchRejection.objects.filter(job_id__in=ids).delete()
