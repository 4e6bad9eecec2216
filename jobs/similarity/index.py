"""Keeping what articles are found and compared by."""

from collections import Counter, deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import log, sqrt
from typing import Any, Final
from uuid import UUID

from django.db import transaction
from django.db.models import Exists, OuterRef

from jobs.models import Article, ArticleVector
from jobs.similarity.terms import compared, owner_key, term_key, terms

#: More would not weigh more, and the column holds no more.
MOST_TIMES: Final = 32_767

#: Ids that are looked for at once when many articles are to be indexed.
CHUNK: Final = 500

CHORE: Final = "article index"
INTERVAL: Final = 600.0
#: About a minute's work; the rest waits for the next time.
MOST_OF_A_CHORE: Final = 2_000


@dataclass(frozen=True, slots=True)
class Vector:
    """The terms of a text as they are stored."""

    keys: list[int]
    counts: list[int]

    @property
    def length(self) -> float:
        """Give the vector's length if every term were as rare as every other."""
        return sqrt(sum((1 + log(count)) ** 2 for count in self.counts))


def vector_of(text: str, language: str | None, owner: int) -> Vector:
    """Make the vector of a text; `owner` is an owner's key."""
    found = terms(text, language)
    weighed = _keyed(compared(found), owner)
    others = sorted(_keyed(found, owner).keys() - weighed.keys())
    # Sorted, so that the index and the counts are gone through in one direction.
    keys = sorted(weighed)
    return Vector([*keys, *others], [weighed[key] for key in keys])


def index_article(article: Article) -> None:
    """Have the article found and compared by its title and text as they are now; call it where they are stored.

    In the same transaction, so that what is found is what is there. Articles of one owner wait for each other's commit.
    """
    if article.is_deleted or not article.text:
        ArticleVector.objects.filter(article=article.pk).delete()
        return
    owner = owner_key(article.user_id)
    vector = vector_of(f"{article.title}\n{article.text}", article.language or None, owner)
    values: dict[str, Any] = {"owner": owner, "keys": vector.keys, "counts": vector.counts, "length": vector.length}
    ArticleVector.objects.bulk_create(
        [ArticleVector(article_id=article.pk, **values)],
        update_conflicts=True,
        update_fields=list(values),
        unique_fields=["article"],
    )


def index_missing(limit: int | None = None) -> Iterator[int]:
    """Index articles that have a text and are not indexed, so many at most; gives how many are, after each.

    Each in a transaction of its own, so that others of its owner wait for one at most.
    """
    indexed, after = 0, UUID(int=0)
    missing = (
        Article.objects.visible()
        .exclude(stage=Article.Stage.SUBMITTED)
        .filter(~Exists(ArticleVector.objects.filter(article=OuterRef("pk"))))
    )
    while found := list(missing.filter(pk__gt=after).order_by("pk").values_list("pk", flat=True)[:CHUNK]):
        for after in found:
            if indexed == limit:
                return
            indexed += _index(after)
            yield indexed


@transaction.atomic
def _index(article_id: UUID) -> int:
    # Locked, so that it is not deleted or written anew meanwhile; whoever has it at the moment indexes it, too.
    waiting = Article.objects.visible().filter(pk=article_id).select_for_update(skip_locked=True)
    article = waiting.first()
    if article is None:
        return 0
    index_article(article)
    return 1


def tidy() -> None:
    """Index what was stored before there was an index, or was brought back; for chores."""
    deque(index_missing(MOST_OF_A_CHORE), maxlen=0)


def _keyed(found: Mapping[str, int], owner: int) -> Counter[int]:
    return Counter({term_key(term, owner): min(count, MOST_TIMES) for term, count in found.items()})
