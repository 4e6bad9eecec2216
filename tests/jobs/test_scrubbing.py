"""What is written down for people holds no secrets."""

import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accounts.keys import generate
from jobs.scrubbing import REDACTED, TRUNCATED, is_secret_name, scrub, scrub_head, scrub_tail, scrub_text

PEM = "-----BEGIN RSA PRIVATE KEY-----\nMIIEpAIBAAKCAQEA\nq83vEjRW\n-----END RSA PRIVATE KEY-----"

SHAPES = {
    "ours": generate(),
    "bearer": "Bearer 0123456789abcdef",
    "basic": "Basic dXNlcjpodW50ZXIy",
    "jwt": "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk",
    "aws": "AKIAIOSFODNN7EXAMPLE",
    "openai": "sk-proj-Abcdefghijklmnop1234",
    "stripe": "sk_live_4eC39HqLyjWDarjtT1zdp7dc",
    "github": "ghp_16C7e42F292c6912E7710c838347Ae178B4a",
    "github fine": "github_pat_11ABCDEFG0abcdefghij_klmnopqrst",
    "slack": "xoxb-17653672481-19874698323",
    "google": "AIzaSyDaGmWKa4JsXZ-HjGw7ISLn_3namBGewQe",
    "pem": PEM,
    "pem cut off": PEM[:60],
}


class TestText:
    @pytest.mark.parametrize("secret", SHAPES.values(), ids=SHAPES.keys())
    @pytest.mark.parametrize("around", ["{}", "refused: {} is wrong", '{{"x": "{}"}}', "https://x.example/?q={}&b=1"])
    def test_shapes_are_replaced_wherever_they_stand(self, secret: str, around: str) -> None:
        told = scrub_text(around.format(secret))
        assert secret.split()[-1] not in told
        assert REDACTED in told

    @pytest.mark.parametrize(
        ("text", "told"),
        [
            ("postgresql://anna:hunter2@db.example/x", "postgresql://anna:[redacted]@db.example/x"),
            ("GET /x?api_key=hunter2&page=3", "GET /x?api_key=[redacted]&page=3"),
            ("{'password': 'hunter 2', 'page': 3}", "{'password': [redacted], 'page': 3}"),
            ('{"client_secret": "hun\\"ter2", "page": 3}', '{"client_secret": [redacted], "page": 3}'),
            ("Cookie: sessionid=hunter2; csrftoken=hunter3\nAccept: x", "Cookie: [redacted]\nAccept: x"),
            ('say {\\"password\\": \\"hunter2\\"}', 'say {\\"password\\": [redacted]}'),
            ('{"password": "hunter 2 and', '{"password": [redacted]'),
            ("Authorization: Digest hunter2", "Authorization: [redacted]"),
            ("X_TOKEN = hunter2", "X_TOKEN = [redacted]"),
            (f"{PEM[40:]} rest", "[redacted] rest"),
        ],
    )
    def test_what_names_give_away_is_replaced(self, text: str, told: str) -> None:
        assert scrub_text(text) == told

    @pytest.mark.parametrize(
        "text",
        [
            "the basic understanding of tokens",
            "https://example.org:8080/a@b",
            "a skirmish_of_words",
            "KeyError: 'title'",
        ],
    )
    def test_plain_words_stay(self, text: str) -> None:
        assert scrub_text(text) == text

    def test_a_key_across_the_cut_is_seen_whole(self) -> None:
        key = generate()
        text = "x" * 90 + " " + key
        assert key[:12] not in scrub_head(text, 100)
        assert key[-8:] not in scrub_tail(key + " " + "x" * 92, 100)

    @pytest.mark.parametrize(
        "unit", ["a", "://a:", "password", "-----BEGIN ", "eyJ", "sk-", "token=' ", "Basic a", '=\\"']
    )
    def test_long_texts_made_to_match_almost_take_no_time(self, unit: str) -> None:
        began = time.process_time()
        scrub_text(unit * (16_000 // len(unit)))
        assert time.process_time() - began < 1

    @given(st.text())
    def test_takes_any_text(self, text: str) -> None:
        assert isinstance(scrub_text(text), str)


class TestNames:
    @pytest.mark.parametrize("name", ["password", "db_passwd", "X-Api-Key", "accessToken", "auth", "set-cookie"])
    def test_telling(self, name: str) -> None:
        assert is_secret_name(name)

    @pytest.mark.parametrize("name", ["title", "author", "shipping", "passenger", "compass", "keyword", "monkey"])
    def test_telling_nothing(self, name: str) -> None:
        assert not is_secret_name(name)


class TestValues:
    @pytest.mark.parametrize(
        ("value", "told"),
        [
            ({"password": "x", "page": 3}, {"password": REDACTED, "page": 3}),
            ({"a": [{"token": {"deep": "x"}}]}, {"a": [{"token": REDACTED}]}),
            (
                {"max_tokens": 5, "has_password": True, "pin": 1234},
                {"max_tokens": 5, "has_password": True, "pin": REDACTED},
            ),
            ([f"see {SHAPES['aws']}"], [f"see {REDACTED}"]),
            ({SHAPES["github"]: 1}, {REDACTED: 1}),
            (None, None),
        ],
    )
    def test_names_and_shapes(self, value: Any, told: Any) -> None:
        assert scrub(value, 1000) == told

    def test_large_values_are_cut(self) -> None:
        told = scrub({"text": "x" * 10_000, "more": 1}, 100)
        assert told["text"].endswith(TRUNCATED)
        assert len(told["text"]) < 130
        assert told[TRUNCATED] is True
        assert scrub(list(range(1_000_000)), 80)[-1] == TRUNCATED

    def test_deep_values_are_cut(self) -> None:
        value: Any = "x"
        for _ in range(1000):
            value = [value]
        assert TRUNCATED in str(scrub(value, 1_000_000))

    @given(
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.text(), lambda x: st.lists(x) | st.dictionaries(st.text(), x)
        )
    )
    def test_what_holds_no_secret_and_fits_is_unchanged_in_shape(self, value: Any) -> None:
        told = scrub(value, 1_000_000)
        assert type(told) is type(value) or told == REDACTED


class TestSigns:
    """A text that no sign is in is not looked at any closer, so each pattern needs one of its own."""

    @pytest.mark.parametrize("secret", SHAPES.values(), ids=SHAPES.keys())
    def test_each_shape_has_one(self, secret: str) -> None:
        assert scrub_text(secret) != secret

    @pytest.mark.parametrize(
        "name",
        [
            *("password", "passwd", "passphrase", "pwd", "secret", "token", "api_key", "access-key", "private key"),
            *("signingkey", "encryption_key", "credential", "authorization", "cookie", "sessionid", "signature"),
            *("bearer", "jwt", "csrf", "cvv", "cvc"),
        ],
    )
    def test_each_name_has_one(self, name: str) -> None:
        assert scrub_text(f"{name}=hunter2") == f"{name}={REDACTED}"
        assert is_secret_name(name.upper())

    @pytest.mark.parametrize(
        "secret",
        [
            *("sk_live_0123456789abcdef", "pk-0123456789abcdef0", "rk_live_0123456789abcd", "whsec_0123456789abcdef"),
            *("gho_0123456789abcdef", "ghs_0123456789abcdef", "glpat-0123456789abcdef", "ya29.0123456789abcdef"),
            "gsk_0123456789abcdefghijklmnopqrstuvwxyz",
            *("npm_0123456789abcdefghij", "hf_0123456789abcdefghij", "pypi-0123456789abcdef", "ASIAIOSFODNN7EXAMPLE"),
            "SG.0123456789abcdef.0123456789abcdef",
        ],
    )
    def test_other_peoples_keys(self, secret: str) -> None:
        assert scrub_text(f"it is {secret}.").startswith(f"it is {REDACTED}")
