"""Keeping secrets out of what is written down for people: log rows, error messages, stack traces.

Two rules, for neither is enough alone: what stands under a telling name is replaced whatever it looks like, and what
looks like a key, a token or a password is replaced wherever it stands. It cannot know a secret that has neither.
"""

import re
from typing import Any, Final

REDACTED: Final = "[redacted]"
TRUNCATED: Final = "[truncated]"

_NAMES: Final = (
    "password|passwd|passphrase|pwd|secret|token|api[-_ ]?key|access[-_ ]?key|private[-_ ]?key|signing[-_ ]?key"
    "|encryption[-_ ]?key|credential|authorization|cookie|session[-_ ]?id|signature|bearer|jwt|csrf|cvv|cvc"
)
_SECRET_NAME: Final = re.compile(_NAMES, re.IGNORECASE)
#: Words that tell only when they stand alone: "authors" and "shipping" are no secrets.
_SECRET_WORD: Final = re.compile(r"(?:^|[-_. ])(?:auth|pin|otp|pass|dsn)(?:$|[-_. ])", re.IGNORECASE)
#: Numbers under these names count something.
_COUNTS: Final = re.compile(r"tokens$|count$|length$|limit$|expires", re.IGNORECASE)

# Every pattern begins with letters of its own and repeats only bounded or disjoint classes, so that a long text made
# to match almost costs no more than any other.
_SHAPES: Final = re.compile(
    r"""
    -----BEGIN\ [A-Z0-9 ]{0,40}PRIVATE\ KEY-----.*?(?:-----END\ [A-Z0-9 ]{0,40}PRIVATE\ KEY-----|\Z)
    | \bekiden_[a-z]{1,8}_[0-9A-Za-z]{8,}
    | \b(?i:bearer)\s{1,3}[A-Za-z0-9._~+/=-]{6,}
    | \b(?i:basic)\s{1,3}(?=[a-z]{0,60}[A-Z0-9+/=])[A-Za-z0-9+/]{6,}={0,2}
    | \beyJ[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]*){0,4}
    | \b(?:AKIA|ASIA|AROA|AIDA)[0-9A-Z]{16}
    | \b(?:sk|pk|rk|whsec)[-_][A-Za-z0-9_-]{16,}
    | \bgh[pousr]_[A-Za-z0-9]{16,} | \bgithub_pat_[A-Za-z0-9_]{16,} | \bglpat-[A-Za-z0-9_-]{16,}
    | \bxox[abeoprs]-[A-Za-z0-9-]{10,} | \bAIza[0-9A-Za-z_-]{30,} | \bya29\.[0-9A-Za-z_-]{16,}
    | \b(?:npm|hf|gsk)_[A-Za-z0-9]{20,} | \bpypi-[A-Za-z0-9_-]{16,} | \bSG\.[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{16,}
    """,
    re.VERBOSE | re.DOTALL,
)
# One of these is in whatever the patterns find. To look for them costs a hundredth of the patterns themselves, and most
# texts have none.
_SHAPE_SIGNS: Final = (
    *(
        "-----BEGIN",
        "ekiden_",
        "eyJ",
        "AKIA",
        "ASIA",
        "AROA",
        "AIDA",
        "sk-",
        "sk_",
        "pk-",
        "pk_",
        "rk-",
        "rk_",
        "whsec",
    ),
    *("ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_", "glpat-", "xox", "AIza", "ya29.", "npm_", "hf_", "pypi-"),
    *("SG.", "gsk_"),
)
_SCHEME_SIGNS: Final = ("bearer", "basic")
_NAME_SIGNS: Final = (
    *("passw", "passphrase", "pwd", "secret", "token", "key", "credential", "authorization", "cookie", "session"),
    *("signature", "bearer", "jwt", "csrf", "cvv", "cvc"),
)
_URL_PASSWORD: Final = re.compile(r"(://[^/\s:@'\"]{0,200}:)[^\s/'\"]{1,500}@")
#: `password=…`, `"token": "…"`, `Cookie: …` within a text.
_ASSIGNED: Final = re.compile(
    rf"((?:{_NAMES})[\w-]{{0,40}}(?:\\?[\"'])?\s{{0,5}}(?:=|:|%3D)>?\s{{0,5}})"
    r"(?!\[redacted\])"
    # A text in quotes, perhaps cut off; one inside of another; a bare word.
    r"(\"(?:[^\"\\]|\\.)*+(?:\"|\\?\Z)|'(?:[^'\\]|\\.)*+(?:'|\\?\Z)|\\\"[^\"\\]*+(?:\\\"|\Z)|[^\s\"'&,;)}\]]+)",
    re.IGNORECASE,
)
#: Headers whose value is the rest of the line.
_HEADER: Final = re.compile(r"((?:authorization|cookie)[\"']?\s{0,5}:\s{0,5}[\"']?)[^\r\n\"']+", re.IGNORECASE)
#: The end of a key whose begin was cut off.
_PEM_END: Final = re.compile(r"-----END [A-Z0-9 ]{0,40}PRIVATE KEY-----")

#: Of a text that is cut, so much more is looked at: a key that begins before the cut is seen whole.
_MARGIN: Final = 512
_DEPTH: Final = 20


def is_secret_name(name: str) -> bool:
    """Tell whether a name says that its value is nobody's business."""
    return bool((_any(_NAME_SIGNS, name.lower()) and _SECRET_NAME.search(name)) or _SECRET_WORD.search(name))


def _any(signs: tuple[str, ...], text: str) -> bool:
    return any(sign in text for sign in signs)


def scrub_text(text: str) -> str:
    """Replace what looks like a secret."""
    end = _PEM_END.search(text) if "-----END" in text else None
    if end and "-----BEGIN" not in text[: end.start()]:
        text = REDACTED + text[end.end() :]
    lowered = text.lower()
    if _any(_SHAPE_SIGNS, text) or _any(_SCHEME_SIGNS, lowered):
        text = _SHAPES.sub(REDACTED, text)
    if "://" in text:
        text = _URL_PASSWORD.sub(rf"\g<1>{REDACTED}@", text)
    if _any(_NAME_SIGNS, lowered):
        text = _HEADER.sub(rf"\g<1>{REDACTED}", text)
        text = _ASSIGNED.sub(rf"\g<1>{REDACTED}", text)
    return text


def scrub_head(text: str, most: int) -> str:
    """Scrub a text and cut it to so many characters, at a cost that depends only on how many those are."""
    scrubbed = scrub_text(text[: most + _MARGIN])
    return scrubbed[:most]


def scrub_tail(text: str, most: int) -> str:
    """Scrub a text and keep its last characters."""
    return scrub_text(text[-(most + _MARGIN) :])[-most:]


def scrub(value: Any, most: int) -> Any:
    """Copy a JSON value without its secrets, and no more of it than about so many characters.

    What is left out is marked "[truncated]"; the cost depends on `most`, not on the value.
    """
    return _Copy(most).of(value, "", 0)


class _Copy:
    def __init__(self, most: int) -> None:
        self.left = most

    def of(self, value: Any, name: str, depth: int) -> Any:
        if name and is_secret_name(name) and not _harmless(name, value):
            self.left -= len(REDACTED)
            return REDACTED
        if isinstance(value, str):
            return self._text(value)
        if isinstance(value, dict):
            return self._object(value, depth)
        if isinstance(value, list | tuple):
            return self._list(value, depth)
        if value is None or isinstance(value, bool | int | float):
            self.left -= 8
            return value
        return self._text(str(value))

    def _text(self, text: str) -> str:
        most = max(self.left, 0)
        # Shortening a text is up to the cut here, not to the secrets in it.
        kept = scrub_head(text, most)
        self.left -= len(kept) + 2
        return kept if len(text) <= most else kept + TRUNCATED

    def _object(self, value: dict[Any, Any], depth: int) -> Any:
        if depth >= _DEPTH:
            return TRUNCATED
        copy: dict[str, Any] = {}
        for key, inner in value.items():
            if self.left <= 0:
                copy[TRUNCATED] = True
                break
            name = self._text(str(key))
            copy[name] = self.of(inner, str(key)[:200], depth + 1)
        return copy

    def _list(self, value: list[Any] | tuple[Any, ...], depth: int) -> Any:
        if depth >= _DEPTH:
            return TRUNCATED
        copy: list[Any] = []
        for inner in value:
            if self.left <= 0:
                copy.append(TRUNCATED)
                break
            copy.append(self.of(inner, "", depth + 1))
        return copy


def _harmless(name: str, value: Any) -> bool:
    """Switches, and numbers that count, tell nothing."""
    if value is None or isinstance(value, bool):
        return True
    return isinstance(value, int | float) and bool(_COUNTS.search(name))
