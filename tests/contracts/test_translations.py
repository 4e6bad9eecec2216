"""The Japanese catalogue is that of the sources: `make messages` keeps it so, and every text has its Japanese."""

import re

import pytest

from tests import catalogue

#: What is put into a text: {name} and %(name)s.
_PLACE = re.compile(r"%\((\w+)\)s|\{(\w*)[^{}]*\}")
_TAG = re.compile(r"</?(\w+)")


@pytest.fixture(scope="module")
def kept():
    return catalogue.read()


def test_the_catalogue_is_that_of_the_sources(kept):
    sources = {text.key for text in catalogue.texts()}
    there = {(message.context, catalogue.english(message)) for message in kept if message.id}
    assert {"to be added by `make messages`": sources - there, "to be dropped": there - sources} == {
        "to be added by `make messages`": set(),
        "to be dropped": set(),
    }


def test_every_text_has_its_japanese(kept):
    assert catalogue.missing(kept) == []
    assert [message.id for message in kept if message.id and message.fuzzy] == []


def test_what_is_put_into_a_text_is_in_its_japanese_too(kept):
    wrong = {}
    for message in kept:
        english, japanese = catalogue.english(message), catalogue.japanese(message)
        if message.id and japanese and _put_in(message) != sorted(_PLACE.findall(japanese)):
            wrong[english] = japanese
        if sorted(_TAG.findall(english)) != sorted(_TAG.findall(japanese)) and japanese and message.id:
            wrong[english] = japanese
        if japanese.count("%%") != english.count("%%"):
            wrong[english] = japanese
    assert wrong == {}


def _put_in(message):
    """Japanese has one form for any number: it goes by the plural."""
    text = message.id[1] if isinstance(message.id, (tuple, list)) else message.id
    return sorted(_PLACE.findall(text))


def test_django_reads_what_is_kept(kept):
    assert catalogue.MO.read_bytes() == catalogue.mo(kept), "run `make messages`"
