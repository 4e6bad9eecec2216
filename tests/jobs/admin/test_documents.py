import json
import time

import pytest
from django.core.exceptions import ValidationError
from hypothesis import given, settings
from hypothesis import strategies as st

from jobs.admin import documents

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
OBJECTS = st.dictionaries(st.text(), VALUES, max_size=5)


@settings(deadline=None)
@given(OBJECTS, OBJECTS)
def test_comparison_holds_every_line_of_both(before, after):
    old, new = documents.pretty(before), documents.pretty(after)
    lines = documents.compare(old, new, around=10_000)
    if old == new:
        assert [line.kind for line in lines] == ["skipped"]
        return
    assert "\n".join(line.text for line in lines if line.kind != "added") == old
    assert "\n".join(line.text for line in lines if line.kind != "removed") == new


@settings(deadline=None)
@given(OBJECTS)
def test_what_is_shown_can_be_sent_back(value):
    shown = documents.show(json.dumps(value))
    assert shown.readable and documents.parse(shown.text) == value


def test_a_small_change_in_a_long_document_is_found_quickly():
    rows = [{"n": 1, "text": "the same"} for _ in range(8_000)]
    changed = [*rows]
    changed[5_000] = {"n": 2, "text": "the same"}
    began = time.perf_counter()
    lines = documents.compare(documents.pretty({"rows": rows}), documents.pretty({"rows": changed}))
    assert time.perf_counter() - began < 2
    assert [line.text.strip() for line in lines if line.kind in {"added", "removed"}] == ['"n": 1,', '"n": 2,']
    assert len(lines) < 20


def test_a_deep_document_is_refused_not_fatal():
    deep = '{"a":' * 100_000 + "1" + "}" * 100_000
    with pytest.raises(ValidationError):
        documents.parse(deep)
    assert not documents.show(deep).readable


def test_null_and_nothing_are_no_document():
    assert documents.show(None) is None
    assert documents.show("null") is None
