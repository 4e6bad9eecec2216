"""What indexing, searching and comparing articles takes, and whether the right ones are found."""

import random
import time
from collections.abc import Callable, Sequence
from functools import partial
from statistics import quantiles
from typing import Any, Final
from uuid import uuid4

from django.contrib.auth import get_user_model
from django.db import connection

from jobs.bench.measures import Tick
from jobs.bench.texts import texts
from jobs.models import Article
from jobs.similarity.index import index_article
from jobs.similarity.nearest import nearest
from jobs.similarity.search import search
from jobs.similarity.terms import owner_key

CHUNK: Final = 250
ASKED: Final = 100
_OWNER: Final = "bench-similarity"
_PLACE: Final = """
SELECT sum(pg_total_relation_size(name::regclass)) / 1e6 FROM unnest(ARRAY['article_vectors', 'article_terms']) name
"""

_FORGET: Final = """
WITH own AS (SELECT keys FROM article_vectors WHERE owner = %s)
DELETE FROM article_terms WHERE key IN (SELECT unnest(keys) FROM own)
"""


def similarity(size: int, tick: Tick) -> dict[str, Any]:
    """Index so many articles one by one, then ask for the ten nearest and for words; all of it is deleted again."""
    owner = get_user_model()._default_manager.create(user_id=f"{_OWNER}-{uuid4()}")
    before = _megabytes()
    try:
        indexing = _fill(owner, size, tick)
        _vacuum()
        figures = {"articles": float(size), "megabytes": _megabytes() - before, **_spread("index", indexing)}
        figures |= _questions(owner, tick)
    finally:
        _clear(owner)
    return {"similarity": figures}


def _clear(owner: Any) -> None:
    with connection.cursor() as cursor:
        # First, so that they are not counted down one by one.
        cursor.execute(_FORGET, [owner_key(owner.pk)])
    Article.objects.filter(user=owner).delete()
    owner.delete()
    _vacuum()


def _vacuum() -> None:
    with connection.cursor() as cursor:
        cursor.execute("VACUUM (ANALYZE) articles, article_vectors, article_terms")


def _fill(owner: Any, size: int, tick: Tick) -> list[float]:
    taken = []
    for number, (language, text) in enumerate(texts(size)):
        article = Article.objects.create(
            user=owner, title=f"No. {number}", text=text, language=language, stage=Article.Stage.EXTRACTED
        )
        # A transaction of its own, commit included.
        taken.append(_timed(partial(index_article, article)))
        if number % CHUNK == 0:
            tick("index articles")
    return taken


def _questions(owner: Any, tick: Tick) -> dict[str, float]:
    chance = random.Random(7)  # noqa: S311 - the same articles every time
    figures: dict[str, float] = {}
    for language in ("en", "ja"):
        ids = list(Article.objects.filter(user=owner, language=language).order_by("pk").values_list("pk", flat=True))
        asked = [Article.objects.get(pk=chance.choice(ids)) for _ in range(ASKED)]
        figures |= _spread(f"nearest_{language}", [_timed(partial(nearest, each)) for each in asked])
        words = [each.text.split()[3] if language == "en" else each.text[5:9] for each in asked]
        found = [_timed(partial(_first_page, owner, q)) for q in words]
        figures |= _spread(f"search_{language}", found)
        tick("compare and search")
    return figures


def _first_page(owner: Any, q: str) -> list[Article]:
    return list(search(owner, q).without_texts()[:50])


def _timed(act: Callable[[], object]) -> float:
    began = time.perf_counter()
    act()
    return 1000 * (time.perf_counter() - began)


def _spread(name: str, taken: Sequence[float]) -> dict[str, float]:
    cuts = quantiles(taken, n=100, method="inclusive")
    return {f"{name}_p50_ms": cuts[49], f"{name}_p95_ms": cuts[94]}


def _megabytes() -> float:
    with connection.cursor() as cursor:
        cursor.execute(_PLACE)
        return float(cursor.fetchone()[0])
