"""What a text is compared and found by: words, and of scripts that put no spaces between them, pairs of characters."""

import re
import unicodedata
from collections import Counter
from hashlib import blake2b
from itertools import pairwise
from typing import Any, Final

#: Of a text; longer ones are known by their beginning. Articles are cut before that.
LONGEST_TEXT: Final = 200_000
#: Distinct ones of a text, the most frequent first.
MOST_TERMS: Final = 20_000
#: Of a word; what is longer is a number, an address or a mistake, and is known by its beginning.
LONGEST_WORD: Final = 64

_HAN: Final = "\u3005\u3007\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003134f"
_HIRAGANA: Final = "\u3041-\u3096\u309d\u309e"
_KANA: Final = _HIRAGANA + "\u30a1-\u30fa\u30fc-\u30fe"
_HANGUL: Final = "\u1100-\u11ff\uac00-\ud7a3"
#: Thai, Lao, Burmese and Khmer, with their marks.
_OTHERS: Final = "\u0e01-\u0e3a\u0e40-\u0e4e\u0e81-\u0ece\u1000-\u109f\u1780-\u17d3"
_UNSPACED: Final = _HAN + _KANA + _HANGUL + _OTHERS

_RUNS: Final = re.compile(
    f"(?P<unspaced>[{_UNSPACED}]+)"
    # Letters, digits and the marks on them, which \w leaves out; an apostrophe within a word belongs to it.
    f"|(?P<word>(?:(?![{_UNSPACED}_])[\\w\u0300-\u036f\u0900-\u0903\u093a-\u094f])+(?:'(?![{_UNSPACED}_])\\w+)*)"
)
_ONE_HAN: Final = re.compile(f"[{_HAN}]")
_SMALL: Final = re.compile(f"[{_HIRAGANA}].|.[{_HIRAGANA}]|[{_HIRAGANA}]")

#: Fewer than these are not enough to compare by: then the small ones count as well.
_FEW: Final = 10

#: In these languages the apostrophe ends a word of its own: l'homme, dell'arte.
_ELISION: Final = frozenset({"fr", "it", "ca"})


def terms(text: str, language: str | None = None) -> Counter[str]:
    """Count the terms of a text, without regard to case and width.

    Words in spaced scripts; pairs of neighbouring characters in Japanese, Chinese, Korean and the like, and each
    Chinese character by itself, because many are words. Nothing is left out: what every text has weighs very little.
    """
    found: Counter[str] = Counter()
    normal = unicodedata.normalize("NFKC", text[:LONGEST_TEXT]).casefold().replace("\u2019", "'")
    for run in _RUNS.finditer(normal):
        if run.lastgroup == "unspaced":
            found.update(_of_unspaced(run[0]))
        elif language in _ELISION:
            found.update(part[:LONGEST_WORD] for part in run[0].split("'"))
        else:
            found[run[0].removesuffix("'s")[:LONGEST_WORD]] += 1
    return found if len(found) <= MOST_TERMS else Counter(dict(found.most_common(MOST_TERMS)))


def _of_unspaced(run: str) -> list[str]:
    if len(run) == 1:
        return [run]
    return [*map("".join, pairwise(run)), *_ONE_HAN.findall(run)]


def compared(found: Counter[str]) -> Counter[str]:
    """Leave out what says little of what a Japanese text is about and is a half of it: endings and particles.

    They are pairs with a hiragana; what such a pair begins or ends with stands by itself if it is a Chinese character.
    """
    telling = Counter({term: count for term, count in found.items() if not _SMALL.fullmatch(term)})
    return telling if len(telling) >= _FEW else found


def searched(text: str) -> set[str]:
    """Give the terms that a text must have to be found by these words."""
    found = set(terms(text))
    # The pairs say it already, and more precisely.
    within = {character for term in found if len(term) == 2 for character in term if _ONE_HAN.match(character)}
    return {term for term in found if len(term) > 1 or term not in within}


def owner_key(user_id: Any) -> int:
    """Give the number that stands for an owner, or for none, in the keys of terms: the random half of the id."""
    return 0 if user_id is None else int.from_bytes(user_id.bytes[8:], signed=True)


def term_key(term: str, owner: int) -> int:
    """Give the number by which an owner's term is stored: so the terms of others are not even walked by."""
    return owner ^ int.from_bytes(blake2b(term.encode(), digest_size=8).digest(), signed=True)
