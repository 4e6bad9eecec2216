"""Which articles contain what is searched for."""

from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.postgres.fields import ArrayField
from django.db.models import BigIntegerField, Func, UUIDField, Value

from jobs.models import Article
from jobs.models.article import ArticleQuerySet
from jobs.similarity.terms import owner_key, searched, term_key


class _WithTerms(Func):
    """The ids of these owners' articles that have all these terms; a set, so only within `IN`."""

    function = "articles_with_terms"
    template = "(SELECT %(function)s(%(expressions)s))"
    output_field = UUIDField()


def search(user: Any, q: str) -> ArticleQuerySet:
    """Find the articles of a user, or of everybody (None), in whose title and text all words of `q` occur.

    Whole words, without regard to case and width; of Japanese and the like the characters next to each other. Nothing
    is found by a `q` without words. Deleted articles are not found.
    """
    wanted = sorted(term_key(term, 0) for term in searched(q))
    if not wanted:
        return Article.objects.none()
    articles = Article.objects.visible()
    owned = articles if user is None else articles.owned_by(user)
    return owned.filter(pk__in=_WithTerms(_array(_owners(user)), _array(wanted)))


def _owners(user: Any) -> list[int]:
    if user is not None:
        return [owner_key(user.pk)]
    everybody = get_user_model()._default_manager.order_by("pk").values_list("pk", flat=True)
    return [owner_key(None), *map(owner_key, everybody)]


def _array(numbers: list[int]) -> Value:
    return Value(numbers, output_field=ArrayField(BigIntegerField()))
