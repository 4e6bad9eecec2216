import pytest
from rest_framework.request import Request
from rest_framework.test import APIRequestFactory

from accounts.api.etags import OF_NOTHING, PreconditionRequired, etag, expected_version


def ask(header, **options):
    extra = {} if header is None else {"HTTP_IF_MATCH": header}
    return expected_version(Request(APIRequestFactory().patch("/", **extra)), **options)


def test_the_tag_that_was_given_out_comes_back_as_the_version():
    assert ask(etag(41)) == 41


def test_a_star_means_any_version():
    assert ask("*") is None


def test_a_missing_header_is_asked_for():
    with pytest.raises(PreconditionRequired):
        ask(None)
    assert ask(None, required=False) is None


@pytest.mark.parametrize(
    "header", ['W/"v3"', '"3"', "v3", '"v3", "v4"', '"v"', '"v' + "9" * 19 + '"', '"v-1"', '"v３"']
)
def test_other_tags_match_nothing(header):
    assert ask(header) == OF_NOTHING
