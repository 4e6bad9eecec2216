import pytest

from jobs.admin import documents
from jobs.exceptions import InvalidPayload
from jobs.models import Function
from jobs.registry import JobType, registry
from jobs.secret_fields import MASK, has_secrets, hide, put_back

LOGIN = {"properties": {"user": {}, "password": {"x-secret": True}}}
SCHEMA = {"properties": {"url": {}, "token": {"x-secret": True}, "logins": {"items": LOGIN}}}


@pytest.fixture
def secretive():
    registry.add(JobType("secretive", lambda context: None, given_schema=SCHEMA))
    yield "secretive"
    registry.remove("secretive")


def login(user, password=MASK):
    return {"user": user, "password": password}


def test_what_is_hidden_and_not_edited_comes_back(secretive):
    original = {"url": "u", "token": "t", "logins": [login("a", "1"), login("b", "2")]}
    edited = {**hide(original, secretive), "url": "other"}
    assert put_back(edited, original, secretive) == {**original, "url": "other"}


def test_a_secret_that_was_typed_anew_is_taken_as_it_is(secretive):
    assert put_back({"token": "new"}, {"token": "old"}, secretive) == {"token": "new"}


def test_items_that_were_moved_or_taken_out_keep_their_own_secrets(secretive):
    original = {"logins": [login("a", "1"), login("b", "2"), login("c", "3")]}
    moved = put_back({"logins": [login("c"), login("a"), login("b")]}, original, secretive)
    assert moved == {"logins": [login("c", "3"), login("a", "1"), login("b", "2")]}
    assert put_back({"logins": [login("b")]}, original, secretive) == {"logins": [login("b", "2")]}


def test_an_item_that_was_edited_where_it_stands_keeps_its_secret(secretive):
    original = {"logins": [login("a", "1"), login("b", "2")]}
    edited = {"logins": [login("a"), login("renamed")]}
    assert put_back(edited, original, secretive) == {"logins": [login("a", "1"), login("renamed", "2")]}


@pytest.mark.parametrize(
    ("edited", "original", "pointer"),
    [
        ({"token": MASK}, {}, "/token"),
        ({"logins": [login("new")]}, {"logins": []}, "/logins/0/password"),
        ({"logins": [login("a")]}, {"logins": [login("a", "1"), login("a", "2")]}, "/logins/0/password"),
        ({"logins": [login("b"), login("x")]}, {"logins": [login("a", "1"), login("b", "2")]}, "/logins/1/password"),
    ],
)
def test_a_mask_that_could_stand_for_nothing_or_for_several_is_refused(secretive, edited, original, pointer):
    with pytest.raises(InvalidPayload) as refused:
        put_back(edited, original, secretive)
    assert [(v.pointer, v.code) for v in refused.value.violations] == [(pointer, "masked")]


def test_the_mask_is_a_text_like_any_other_where_nothing_is_secret(secretive):
    assert put_back({"url": MASK}, {"url": "u"}, secretive) == {"url": MASK}


def test_it_is_told_whether_something_is_hidden(secretive):
    assert has_secrets({"token": "t"}, secretive)
    assert not has_secrets({"url": "u"}, secretive)


def test_a_page_shows_the_masked_text_and_knows_that_it_is(secretive):
    shown = documents.show('{"token": "t", "url": "u"}', secretive)
    assert (shown.text, shown.secrets) == ('{\n  "token": "••••••",\n  "url": "u"\n}', True)
    assert not documents.show('{"url": "u"}', secretive).secrets
    assert "t" in documents.show('{"token": "t"}').text


def test_a_text_in_which_nobody_can_tell_the_secrets_is_hidden_whole(secretive):
    assert documents.show('{"token": "cut o', secretive).text == MASK


@pytest.mark.django_db
def test_of_functions_in_other_languages_and_of_handlers_that_have_gone_the_catalogue_tells():
    for language in ("node", "python"):
        title = f"{language}-spy"
        Function.objects.create(language=language, title="spy", language_title=title, schema_definition=SCHEMA)
    assert hide({"token": "t"}, "node-spy") == hide({"token": "t"}, "spy") == {"token": MASK}


@pytest.mark.django_db
def test_of_a_job_type_that_nobody_knows_telling_names_are_hidden():
    assert hide({"token": "t", "url": "u"}, "nobody.knows") == {"token": MASK, "url": "u"}
