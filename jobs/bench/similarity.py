"""What indexing, searching and comparing articles takes, and whether the right ones are found."""

import random
import time
from collections.abc import Callable, Sequence
from statistics import quantiles
from typing import Any, Final

from django.contrib.auth import get_user_model
from django.db import connection, transaction

from jobs.bench.measures import Tick
from jobs.bench.texts import texts
from jobs.models import Article
from jobs.similarity.index import index_article
from jobs.similarity.nearest import nearest
from jobs.similarity.search import search

CHUNK: Final = 250
ASKED: Final = 100
_OWNER: Final = "bench-similarity"
_PLACE: Final = """
SELECT sum(pg_total_relation_size(name::regclass)) / 1e6 FROM unnest(ARRAY['article_vectors', 'article_terms']) name
"""


def similarity(size: int, tick: Tick) -> dict[str, Any]:
    """Index so many articles one by one, then ask for the ten nearest and for words; all of it is taken back."""
    try:
        with transaction.atomic():
            owner = get_user_model()._default_manager.create(user_id=_OWNER)
            before = _megabytes()
            indexing = _fill(owner, size, tick)
            figures = {"articles": float(size), "megabytes": _megabytes() - before, **_spread("index", indexing)}
            figures |= _questions(owner, tick)
            transaction.set_rollback(True)
    finally:
        with connection.cursor() as cursor:
            cursor.execute("VACUUM (ANALYZE) articles, article_vectors, article_terms")
    return {"similarity": figures}


def _fill(owner: Any, size: int, tick: Tick) -> list[float]:
    taken = []
    for number, (language, text) in enumerate(texts(size)):
        article = Article.objects.create(
            user=owner, title=f"No. {number}", text=text, language=language, stage=Article.Stage.EXTRACTED
        )
        taken.append(_timed(lambda article=article: index_article(article)))  # type: ignore[misc]
        if number % CHUNK == 0:
            tick("index articles")
    # As autovacuum does by and by, and a transaction that is to be taken back cannot have it.
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE article_vectors, article_terms")
    return taken


def _questions(owner: Any, tick: Tick) -> dict[str, float]:
    chance = random.Random(7)  # noqa: S311 - the same articles every time
    figures: dict[str, float] = {}
    for language in ("en", "ja"):
        ids = list(Article.objects.filter(user=owner, language=language).order_by("pk").values_list("pk", flat=True))
        asked = [Article.objects.get(pk=chance.choice(ids)) for _ in range(ASKED)]
        figures |= _spread(f"nearest_{language}", [_timed(lambda each=each: nearest(each)) for each in asked])  # type: ignore[misc]
        words = [each.text.split()[3] if language == "en" else each.text[5:9] for each in asked]
        found = [_timed(lambda q=q: list(search(owner, q).without_texts()[:50])) for q in words]  # type: ignore[misc]
        figures |= _spread(f"search_{language}", found)
        tick("compare and search")
    return figures


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
