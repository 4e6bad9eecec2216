import gzip
import json

import pytest
from django.db import connection
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st
from rest_framework.exceptions import ParseError

from config.api.parsing import loads
from tests.api_client import client_of, problem
from tests.factories import UserFactory

USERS = "/api/v1/users"

POISON = {
    "NUL in a value": b'{"user_id": "a\\u0000b"}',
    "NUL in a key": b'{"a\\u0000b": 1}',
    "raw NUL": b'{"user_id": "a\x00b"}',
    "high surrogate alone": b'{"user_id": "\\ud800"}',
    "low surrogate alone": b'{"user_id": "\\udc00 x"}',
    "surrogates in the wrong order": b'{"user_id": "\\udc00\\ud800"}',
    "surrogate in a key": b'{"\\ud800": 1}',
    "raw surrogate": b'{"user_id": "\xed\xa0\x80"}',
    "not UTF-8": b'{"user_id": "\xff"}',
    "UTF-16": '{"user_id": "a"}'.encode("utf-16"),
    "byte order mark": b'\xef\xbb\xbf{"user_id": "a"}',
    "NaN": b'{"rate_limit_per_minute": NaN}',
    "Infinity": b'{"rate_limit_per_minute": Infinity}',
    "minus Infinity": b"[-Infinity]",
    "1e999": b'{"rate_limit_per_minute": 1e999}',
    "1e400000": b"[1e400000]",
    "an integer of 301 digits": b"[" + b"9" * 301 + b"]",
    "an integer of 5,000 digits": b"[-" + b"9" * 5_000 + b"]",
    "65 levels": b"[" * 65 + b"]" * 65,
    "65 levels of objects": b'{"a":' * 65 + b"1" + b"}" * 65,
    "1,100 levels": b"[" * 1_100 + b"]" * 1_100,
    "100,000 levels": b"[" * 100_000 + b"]" * 100_000,
    "100,000 levels left open": b"[" * 100_000,
    "duplicate keys": b'{"user_id": "a", "user_id": "b"}',
    "duplicate keys, one escaped": b'{"user_id": "a", "user\\u005fid": "b"}',
    "duplicate keys further in": b'[{"a": {"b": 1, "b": 1}}]',
    "100,001 keys": json.dumps([{"k": 1}] * 100_001).encode(),
    "nothing but a blank": b" ",
    "cut off": b'{"user_id": ',
    "two values": b"{} {}",
    "a comment": b"{} // fine",
    "single quotes": b"{'user_id': 'a'}",
    "a trailing comma": b'{"user_id": "a",}',
    "a leading zero": b'{"rate_limit_per_minute": 01}',
    "a bare word": b"user",
    "a control character": b'{"user_id": "a\nb"}',
}


@pytest.fixture
def client(db):
    return client_of(UserFactory(role="admin"))


def post(client, body, content_type="application/json", **headers):
    return client.generic("POST", USERS, body, content_type=content_type, **headers)


@pytest.mark.parametrize("body", POISON.values(), ids=POISON.keys())
def test_poison_is_a_400(client, body):
    assert problem(post(client, body), 400, "malformed-json")["detail"]


@pytest.mark.parametrize(
    "body",
    [
        b'{"a": "\\ud83d\\ude00"}',
        '{"a": "😀 駅伝"}'.encode(),
        b"[" * 64 + b"]" * 64,
        b"[" + b"9" * 300 + b"]",
        b'{"a": -1.5e-300, "b": true, "c": null, "d": ""}',
        b'"[[[[ \\" {{{{"',
        b'{"a": {"k": 1}, "b": {"k": 1}}',
    ],
)
def test_lawful_values_come_out_as_the_standard_library_reads_them(body):
    assert loads(body) == json.loads(body)


def test_a_nul_is_pointed_to():
    with pytest.raises(ParseError, match="#/a~1b/1 contains a NUL"):
        loads(b'{"a/b": [1, "\\u0000"]}')


def test_a_body_over_the_limit_is_a_413_and_one_at_the_limit_is_read(client, settings):
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 1000
    fitting = b'{"user_id": "a"}'.ljust(1000)
    problem(post(client, fitting + b" "), 413, "body-too-large")
    assert post(client, fitting).status_code == 201


def test_compressed_bodies_are_refused_unread(client):
    body = gzip.compress(b'{"user_id": "a"}')
    problem(post(client, body, HTTP_CONTENT_ENCODING="gzip"), 415, "unsupported-media-type")


@pytest.mark.parametrize(
    "content_type",
    [
        "",
        "text/plain",
        "application/xml",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "nonsense",
    ],
)
def test_other_media_types_are_a_415(client, content_type):
    problem(post(client, b'{"user_id": "a"}', content_type), 415, "unsupported-media-type")


@pytest.mark.parametrize("charset", ["utf-16", "latin-1", "bz2", "zlib_codec", "no-such"])
def test_other_charsets_are_a_415(client, charset):
    problem(post(client, b'{"user_id": "a"}', f"application/json; charset={charset}"), 415, "unsupported-media-type")


def test_utf_8_may_be_named(client):
    assert post(client, b'{"user_id": "a"}', "application/json; charset=UTF-8").status_code == 201


def same(stored, sent):
    """Compare as JSON does, which knows one kind of number: 1e300 comes back with all of its zeros."""
    if isinstance(sent, dict):
        return stored.keys() == sent.keys() and all(same(stored[key], sent[key]) for key in sent)
    if isinstance(sent, list):
        return len(stored) == len(sent) and all(map(same, stored, sent))
    return (float(stored) if isinstance(sent, float) else stored) == sent


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(categories=["Cs", "Cc", "L", "N"])),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters(categories=["Cs", "Cc", "L"])), inner),
    max_leaves=20,
)


@pytest.mark.django_db
@examples(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(value=json_values)
def test_what_passes_is_stored_by_postgresql_and_given_back_equal(value):
    try:
        read = loads(json.dumps(value).encode())
    except ParseError:
        return
    with connection.cursor() as cursor:
        cursor.execute("SELECT %s::jsonb::text", [json.dumps(read)])
        assert same(json.loads(cursor.fetchone()[0]), read)


@examples(deadline=None)
@given(st.binary())
def test_no_bytes_at_all_cause_another_error(body):
    try:
        loads(body)
    except ParseError:
        pass
