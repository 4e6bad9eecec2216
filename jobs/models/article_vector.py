from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.db import models

from jobs.models.article import Article


class ArticleVector(models.Model):
    """The terms of an article, as numbers: what it is found and compared by.

    Goes with its article when that is deleted, by whomever. Without row-level security, which no index on an array
    serves: the web process may not read the table, and asks functions that look whose the articles are.
    """

    article = models.OneToOneField(Article, models.CASCADE, primary_key=True, related_name="vector")
    #: The number that stands for the article's owner, and is in every key.
    owner = models.BigIntegerField()
    #: Those that articles are compared by, in front; then those that it is only found by.
    keys = ArrayField(models.BigIntegerField())
    #: How often each of the first ones occurs.
    counts = ArrayField(models.SmallIntegerField())
    #: Of the vector, if every term weighed the same: by it candidates are put in order.
    length = models.FloatField()

    class Meta:
        db_table = "article_vectors"
        indexes: ClassVar = [
            # Articles with a term, or with several. Entries are added at once: a list of pending ones, up to megabytes
            # of it, would be read by every search.
            GinIndex(fields=["keys"], name="article_vector_keys", fastupdate=False),
        ]

    def __str__(self) -> str:
        return str(self.article_id)


class ArticleTerm(models.Model):
    """In how many articles of its owner a term occurs; an owner's own number counts the articles. Kept by a trigger."""

    key = models.BigIntegerField(primary_key=True)
    articles = models.IntegerField()

    class Meta:
        db_table = "article_terms"

    def __str__(self) -> str:
        return f"{self.key}: {self.articles}"
