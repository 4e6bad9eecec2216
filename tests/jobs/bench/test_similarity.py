"""The measurement of searches and comparisons measures something, and leaves nothing behind."""

import pytest

from accounts.models import User
from jobs.bench.similarity import similarity
from jobs.models import Article, ArticleTerm, ArticleVector


@pytest.mark.django_db(transaction=True)
def test_it_measures_and_clears_up() -> None:
    steps: list[str] = []
    (figures,) = similarity(12, steps.append).values()
    assert figures["articles"] == 12
    assert all(
        figures[f"{what}_p50_ms"] > 0 for what in ("index", "nearest_en", "nearest_ja", "search_en", "search_ja")
    )
    assert set(steps) == {"index articles", "compare and search"}
    for model in (Article, ArticleVector, ArticleTerm, User):
        assert not model.objects.exists()
