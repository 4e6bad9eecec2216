"""Which articles are most like another, or like a text: the cosine of their TF-IDF vectors."""

from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from django.db import connections, router

from jobs.models import Article, ArticleVector
from jobs.similarity.index import Vector, vector_of
from jobs.similarity.terms import owner_key

MOST_NEAREST: Final = 100

_NEAREST: Final = "SELECT article_id, score FROM nearest_articles(%s, %s::bigint[], %s::smallint[], %s, %s)"


@dataclass(frozen=True, slots=True)
class Near:
    """An article, and how much it is like what was asked for: from 0 to 1."""

    article_id: UUID
    title: str
    score: float


def nearest(article: Article, limit: int = 10) -> list[Near]:
    """Give the articles of the same owner that are most like this one, the most alike first, itself left out."""
    stored = ArticleVector.objects.filter(article=article.pk).values_list("keys", "counts").first()
    owner = owner_key(article.user_id)
    if stored is None:
        vector = vector_of(f"{article.title}\n{article.text}", article.language or None, owner)
    else:
        keys, counts = stored
        vector = Vector(keys[: len(counts)], counts)
    return _ranked(owner, vector, article.pk, limit)


def nearest_to(text: str, user_id: Any, limit: int = 10, language: str | None = None) -> list[Near]:
    """Give the articles of this owner that are most like a text, the most alike first."""
    owner = owner_key(user_id)
    return _ranked(owner, vector_of(text, language, owner), None, limit)


def _ranked(owner: int, vector: Vector, but: UUID | None, limit: int) -> list[Near]:
    keys = vector.keys[: len(vector.counts)]
    with connections[router.db_for_read(ArticleVector)].cursor() as cursor:
        cursor.execute(_NEAREST, [owner, keys, vector.counts, but, min(limit, MOST_NEAREST)])
        found: list[tuple[UUID, float]] = cursor.fetchall()
    shown = Article.objects.visible().filter(pk__in=[article_id for article_id, _ in found])
    titles = dict(shown.values_list("pk", "title"))
    return [Near(article_id, titles[article_id], score) for article_id, score in found if article_id in titles]
