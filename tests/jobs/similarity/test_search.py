"""Articles found by the words in them, in whatever script."""

import pytest
from django.core.management import call_command

from accounts.models import User
from accounts.row_security import acting_as
from config.roles.declared import APP
from jobs.models import Article, ArticleTerm, ArticleVector
from jobs.similarity.index import index_article, index_missing, tidy
from jobs.similarity.search import search
from tests.database_roles import working_as
from tests.factories import UserFactory

pytestmark = pytest.mark.django_db


def stored(user: User | None, text: str, title: str = "", language: str = "") -> Article:
    article = Article.objects.create(user=user, title=title, text=text, language=language, stage="extracted")
    index_article(article)
    return article


@pytest.fixture
def ada() -> User:
    return UserFactory()


@pytest.mark.parametrize(
    ("text", "found_by", "not_by"),
    [
        ("The relay race of Kyoto", ["relay", "RELAY race", "kyoto the", "race, relay!"], ["rel", "relay marathon"]),
        ("箱根駅伝は東京と箱根を走る。", ["駅伝", "駅", "箱根 東京", "走る", "東京と箱根"], ["東京駅", "大阪", "走れ"]),
        ("ＡＢＣ ﾃﾚﾋﾞの番組", ["abc", "テレビ", "番組 abc"], ["ab", "ラジオ"]),
        ("L\u2019arrivée du relais", ["l'arrivée"], ["arrive"]),
        ("오늘의 역전 경주", ["역전", "경주 오늘"], ["내일"]),
        ("версия 2.0 готова", ["Версия 2", "готова"], ["верс"]),
        ("a naïve cafe\u0301", ["café", "naïve"], ["cafe naive"]),
        ("さくらが咲いた", ["さくら"], ["うめ"]),
    ],
)
def test_all_words_must_occur(ada: User, text: str, found_by: list[str], not_by: list[str]) -> None:
    article = stored(ada, text)
    for q in found_by:
        assert list(search(ada, q)) == [article], q
    for q in not_by:
        assert not search(ada, q).exists(), q


def test_the_title_is_searched_too_and_a_search_without_words_finds_nothing(ada: User) -> None:
    article = stored(ada, "Ten runners.", title="駅伝 in Kyoto")
    assert list(search(ada, "駅伝 runners")) == [article]
    assert not search(ada, " !? ").exists()


def test_everybody_finds_their_own(ada: User) -> None:
    own, other, nobodys = stored(ada, "relay"), stored(UserFactory(), "relay"), stored(None, "relay")
    assert list(search(ada, "relay")) == [own]
    assert set(search(None, "relay")) == {own, other, nobodys}


def test_a_text_is_found_as_it_is_now(ada: User) -> None:
    article = stored(ada, "relay race race")
    assert dict(ArticleTerm.objects.values_list("key", "articles")).keys() >= set(article.vector.keys)
    article.text = "marathon race"
    index_article(article)
    assert not search(ada, "relay").exists()
    assert list(search(ada, "marathon")) == [article]
    # Two terms, and the owner's own number.
    assert list(ArticleTerm.objects.values_list("articles", flat=True)) == [1, 1, 1]


@pytest.mark.parametrize("how", ["marked", "deleted"])
def test_a_deleted_article_is_gone_and_not_counted(ada: User, how: str) -> None:
    article, other = stored(ada, "relay race"), stored(ada, "race")
    if how == "marked":
        Article.objects.filter(pk=article.pk).update(is_deleted=True)
    else:
        article.delete()
    assert list(search(ada, "race")) == [other]
    assert not ArticleVector.objects.exclude(pk=other.pk).exists()
    assert sorted(ArticleTerm.objects.values_list("articles", flat=True)) == [1, 1]


def test_what_was_stored_without_is_indexed_later(ada: User) -> None:
    for text in ("relay one", "relay two", "relay three"):
        Article.objects.create(user=ada, text=text, stage="extracted")
    Article.objects.create(user=ada)
    Article.objects.create(user=ada, text="relay", stage="extracted", is_deleted=True)
    assert not search(ada, "relay").exists()
    assert list(index_missing(2)) == [1, 2]
    tidy()
    assert list(index_missing()) == []
    assert search(ada, "relay").count() == 3


@pytest.mark.usefixtures("database_roles")
def test_the_web_process_finds_the_articles_of_whom_it_serves(ada: User) -> None:
    bob = UserFactory()
    own = stored(ada, "relay")
    stored(bob, "relay")
    with working_as(APP):
        with acting_as(ada):
            assert list(search(ada, "relay")) == [own]
            assert not search(bob, "relay").exists()
        with acting_as(User(user_id="operator", role="operator")):
            assert search(None, "relay").count() == 2
        # Nobody is named: nothing is found.
        assert not search(ada, "relay").exists()


@pytest.mark.usefixtures("database_roles")
def test_who_deletes_need_not_be_allowed_to_read_the_terms(ada: User) -> None:
    own = stored(ada, "relay")
    with working_as(APP), acting_as(ada):
        Article.objects.filter(pk=own.pk).update(is_deleted=True)
    assert not ArticleVector.objects.exists()


def test_the_command_indexes_everything_that_is_not(ada: User, capsys: pytest.CaptureFixture[str]) -> None:
    for text in ("relay one", "relay two"):
        Article.objects.create(user=ada, text=text, stage="extracted")
    call_command("index_articles")
    assert capsys.readouterr().out == "indexed 2 articles\n"
    assert search(ada, "relay").count() == 2
    call_command("index_articles", "--again")
    assert capsys.readouterr().out == "indexed 2 articles\n"
    assert search(ada, "relay").count() == 2
