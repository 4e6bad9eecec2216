"""Articles that were deleted go for good after a while, with all that was made of them."""

from datetime import timedelta
from typing import Final

from jobs import conf
from jobs.models import Article
from jobs.models.columns import ClockTimestamp

CHORE: Final = "deleted articles"
#: Seconds between two runs.
INTERVAL: Final = 3600.0

#: Articles that one transaction takes: each has a text, and may have podcasts whose files are noted.
_AT_ONCE: Final = 50


def purge() -> int:
    """Delete articles that were deleted longer ago than they are kept, their summaries and podcasts too; count them."""
    days = conf.article_deleted_retention_days()
    if not days:
        return 0
    purged = 0
    old = Article.objects.filter(is_deleted=True, updated_at__lt=ClockTimestamp() - timedelta(days=days))
    while ids := list(old.order_by("updated_at").values_list("pk", flat=True)[:_AT_ONCE]):
        Article.objects.filter(pk__in=ids).delete()
        purged += len(ids)
    return purged
