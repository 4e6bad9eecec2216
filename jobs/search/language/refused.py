"""Words that mean something in other query languages and nothing here: they are refused rather than looked for."""

from typing import Final

from jobs.search.language.errors import QueryError
from jobs.search.language.fields import METADATA_PREFIX, NAMES
from jobs.search.language.scanning import Part, Token

_INSTEAD: Final = {"&&": "AND", "||": "OR", "!": "NOT", "and": "AND", "or": "OR", "not": "NOT"}
_QUOTES: Final = ("'", "‘", "“", "”", "„", "«", "`")


def check_word(token: Token, *, is_value: bool) -> None:
    """Raise QueryError for a word that was not meant as one; in quotes or behind a backslash it is."""
    text = token.text
    if text.startswith("/"):
        message = 'Regular expressions are not allowed. What begins with a slash is quoted: "/var/log".'
        raise QueryError("not-allowed", message, token.start)
    if text.startswith(_QUOTES):
        raise QueryError("syntax", 'Values are put between " and ".', token.start)
    if not is_value:
        _check_condition(token)


def _check_condition(token: Token) -> None:
    text = token.text
    sign = "!" if text.startswith("!") else text
    if meant := _INSTEAD.get(sign.lower()):
        if not sign.isalpha():
            raise QueryError("syntax", f"Write {meant} instead of {sign}.", token.start)
        message = f'Write {meant} instead of {sign}. To look for the word itself, quote it: "{text}".'
        raise QueryError("syntax", message, token.start, (meant,))
    name, equals, _ = text.partition("=")
    if equals and token.part is Part.WORD and (name in NAMES or name.startswith(METADATA_PREFIX)):
        message = (
            f'Behind the name of a field a colon stands: {name}:… To look for it as it is, quote it: "{text[:60]}".'
        )
        raise QueryError("syntax", message, token.start + len(name))
