"""The articles most like another, beside a comparison with all of them in plain Python."""

from collections import Counter
from collections.abc import Iterator
from math import log, sqrt
from typing import Any
from uuid import UUID

import pytest

from accounts.models import User
from accounts.row_security import acting_as
from config.roles.declared import APP
from jobs.bench.texts import texts
from jobs.models import Article
from jobs.similarity.index import index_article, index_missing, tidy
from jobs.similarity.nearest import nearest, nearest_to
from jobs.similarity.terms import compared, terms
from tests.database_roles import working_as
from tests.factories import UserFactory

SIZE = 240


class Oracle:
    """TF-IDF as everybody knows it: every text compared with every other."""

    def __init__(self, texts: dict[UUID, Counter[str]]) -> None:
        self.total = len(texts)
        self.within = Counter(term for text in texts.values() for term in text)
        self.vectors = {article: self.vector(text) for article, text in texts.items()}

    def vector(self, text: Counter[str]) -> dict[str, float]:
        found = {
            term: (1 + log(count)) * (log((1 + self.total) / (1 + self.within[term])) + 1)
            for term, count in text.items()
            if term in self.within
        }
        length = sqrt(sum(weight**2 for weight in found.values()))
        return {term: weight / length for term, weight in found.items()}

    def nearest(self, vector: dict[str, float], but: UUID | None = None) -> list[tuple[UUID, float]]:
        scores = {
            article: sum(weight * other.get(term, 0) for term, weight in vector.items())
            for article, other in self.vectors.items()
            if article != but
        }
        return sorted(scores.items(), key=lambda item: -item[1])[:10]


@pytest.fixture(scope="module")
def library(database_roles: None, django_db_blocker: Any) -> Iterator[tuple[User, list[Article]]]:
    # Committed one by one, as in production: in one transaction the counts' old versions would pile up.
    with django_db_blocker.unblock():
        ada, bob = UserFactory(), UserFactory()
        written = list(texts(SIZE))
        articles = [
            Article(user=ada, title=f"No. {n}", text=text, language=language, stage="extracted")
            for n, (language, text) in enumerate(written)
        ]
        # What others have says nothing of what is rare in one's own.
        others = [Article(user=bob, text=text, language=language, stage="extracted") for language, text in written[:30]]
        Article.objects.bulk_create([*articles, *others])
        try:
            assert len(list(index_missing())) == SIZE + 30
            yield ada, articles
        finally:
            Article.objects.all().delete()
            ada.delete()
            bob.delete()


@pytest.mark.django_db
def test_the_ten_nearest_are_those_of_a_comparison_with_all(library: tuple[User, list[Article]]) -> None:
    _, articles = library
    oracle = Oracle({each.pk: compared(terms(f"{each.title}\n{each.text}", each.language)) for each in articles})
    same = asked = 0
    for article in articles[::8]:
        found = nearest(article)
        right = dict(oracle.nearest(oracle.vectors[article.pk], article.pk))
        assert len(found) == 10
        assert found[0].score == pytest.approx(max(right.values()))
        for near in found:
            exact = sum(w * oracle.vectors[near.article_id].get(t, 0) for t, w in oracle.vectors[article.pk].items())
            assert near.score == pytest.approx(exact)
        same += len(right.keys() & {near.article_id for near in found})
        asked += 10
    assert same / asked >= 0.97, same / asked


@pytest.mark.django_db
def test_a_text_that_is_not_stored(library: tuple[User, list[Article]]) -> None:
    ada, articles = library
    oracle = Oracle({each.pk: compared(terms(f"{each.title}\n{each.text}", each.language)) for each in articles})
    text = articles[17].text[:300]
    found = nearest_to(text, ada.pk, 3, "ja")
    right = oracle.nearest(oracle.vector(compared(terms(text, "ja"))))
    assert found[0].article_id == articles[17].pk and found[0].title == "No. 17"
    assert [near.score for near in found] == pytest.approx([score for _, score in right[:3]])


@pytest.mark.django_db
@pytest.mark.usefixtures("database_roles")
def test_only_the_owners_articles_are_compared() -> None:
    ada, bob = UserFactory(), UserFactory()
    for user, title in ((ada, "own"), (bob, "another's"), (None, "nobody's")):
        article = Article.objects.create(user=user, title=title, text="the relay race of kyoto", stage="extracted")
        index_article(article)
    assert [near.title for near in nearest_to("relay race", ada.pk)] == ["own"]
    assert [near.title for near in nearest_to("relay race", None)] == ["nobody's"]
    with working_as(APP), acting_as(ada):
        assert [near.title for near in nearest_to("relay race", ada.pk)] == ["own"]
        assert nearest_to("relay race", bob.pk) == []
        assert nearest_to("relay race", None) == []


@pytest.mark.django_db
def test_deleted_articles_and_those_without_a_common_word_are_not_among_them() -> None:
    ada = UserFactory()
    contents = ["relay race kyoto", "relay race tokyo", "relay race osaka", "quiet tea garden"]
    first, second, gone, _ = (Article.objects.create(user=ada, text=text, stage="extracted") for text in contents)
    # Not stored with the others: it is compared as it is.
    assert nearest(first) == []
    tidy()
    Article.objects.filter(pk=gone.pk).update(is_deleted=True)
    assert [near.article_id for near in nearest(first)] == [second.pk]


@pytest.mark.django_db
def test_the_same_text_is_most_like_itself() -> None:
    ada = UserFactory()
    twins = [Article.objects.create(user=ada, text="箱根駅伝の選手", stage="extracted") for _ in range(2)]
    tidy()
    assert [(near.article_id, near.score) for near in nearest(twins[0])] == [(twins[1].pk, pytest.approx(1))]
