"""What a policy of uniqueness may say, and the key it derives."""

from datetime import timedelta

import pytest

from jobs.decorators import job
from jobs.exceptions import InvalidOption
from jobs.payloads import dump_payload
from jobs.uniqueness import Unique


@pytest.mark.parametrize(
    ("given", "detail"),
    [
        ({"fields": []}, "fields must be a list"),
        ({"fields": "article_id"}, "fields must be a list"),
        ({"fields": ["a", 1]}, "fields must be names"),
        ({"fields": ["x" * 256]}, "fields must be names"),
        ({"fields": ["n"] * 21}, "fields must be a list"),
        ({"period": 0}, "period must be"),
        ({"period": True}, "period must be"),
        ({"period": float("nan")}, "period must be"),
        ({"period": "60"}, "period must be"),
        ({"period": timedelta(days=367)}, "period must be"),
        ({"states": []}, "states must name pending"),
        ({"states": ["processing"]}, "states must name pending"),
        ({"states": ["pending", "completed"]}, "states must name processing"),
        ({"states": ["pending", "done"]}, "states must be a list"),
        ({"states": ["pending", {}]}, "states must be a list"),
        ({"states": "pending"}, "states must be a list"),
        ({"mode": "ignore"}, "mode must be one of skip, replace, raise, debounce"),
        ({"mod": "skip"}, "has no member 'mod'"),
    ],
)
def test_what_is_refused(given, detail):
    with pytest.raises(InvalidOption, match=detail) as caught:
        Unique.of(given)
    assert caught.value.option == "unique"


def test_policies_are_values():
    one = Unique(fields=["a"], period=timedelta(minutes=1), states=("processing", "pending", "completed"), mode="raise")
    same = Unique.of({"fields": ["a"], "period": 60, "states": ["pending", "completed", "processing"], "mode": "raise"})
    assert (one.fields, one.seconds, one.own_states) == (same.fields, same.seconds, same.own_states)
    assert hash(Unique(fields=["a"])) == hash(Unique(fields=("a",)))
    assert Unique(states=["processing", "pending"]) == Unique()
    assert Unique().own_states is None


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ({"a": 1, "b": [1, {"x": None}]}, {"b": [1, {"x": None}], "a": 1}, True),
        ({"a": 2}, {"a": 2.0}, True),
        ({"a": 1}, {"a": True}, False),
        ({"a": 1}, {"a": "1"}, False),
        ({"a": None}, {}, False),
        ({"a": [1, 2]}, {"a": [2, 1]}, False),
        ({"a": "é"}, {"a": "e\u0301"}, False),
        ({"a": 10**30}, {"a": 1e30}, False),
    ],
)
def test_equal_payloads_have_one_key(one, other, same):
    assert (Unique().key(dump_payload(one)) == Unique().key(dump_payload(other))) is same
    assert (Unique(fields=["a"]).key(dump_payload(one)) == Unique(fields=["a"]).key(dump_payload(other))) is same


def test_only_the_chosen_fields_count():
    by_article = Unique(fields=("article", "language"))
    key = by_article.key(dump_payload({"article": 7, "language": "ja", "force": True}))
    assert key == by_article.key(dump_payload({"language": "ja", "article": 7}))
    assert key != by_article.key(dump_payload({"article": 7}))
    assert key != Unique().key(dump_payload({"article": 7, "language": "ja", "force": True}))


def test_a_policy_names_parameters_of_its_handler():
    with pytest.raises(TypeError, match="unique names 'artcle', which is none of its parameters"):

        @job("uniquely_wrong", unique=Unique(fields=("artcle",)))
        def wrong(context, article: int) -> None: ...
