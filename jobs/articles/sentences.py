"""Where sentences end, and where a text may be cut without breaking a character apart."""

import re
import unicodedata
from collections.abc import Iterator
from typing import Final

_WIDE_ENDS: Final = "。！？｡．"
_ENDS: Final = ".!?…" + _WIDE_ENDS + "؟।"
_CLOSERS: Final = "\"'”’»)]」』）】〉》｣"
_QUOTING: Final = tuple("とっをのが")
_OPENERS: Final = {"」": "「", "』": "『", "）": "（", "】": "【", "｣": "｢"}

_END: Final = re.compile(rf"[{re.escape(_ENDS)}]+[{re.escape(_CLOSERS)}]*")
_LAST_WORD: Final = re.compile(r"(\S+)$")
# "am 3. Mai", and the numbers of sections: "1.6. Lifecycle".
_ORDINAL: Final = re.compile(r"\d{1,2}(?:\.\d{1,2})*")
# A dot after these ends no sentence; single letters are looked at by themselves.
_ABBREVIATIONS: Final = frozenset(
    (
        "mr mrs ms dr prof st jr sr vs etc e.g i.e cf al fig figs no nos vol pp p ch sec eq approx inc ltd co corp "
        "dept est jan feb mar apr jun jul aug sep sept oct nov dec u.s u.k a.m p.m "
        "z.b d.h u.a bzw ca usw vgl nr bd hrsg abs s.o ggf evtl inkl "
        "m mm mme mlle env p.ex av ap art éd sig sra ud av.ej dott"
    ).split()
)


def sentences(paragraph: str) -> list[str]:
    """Split a paragraph into sentences, each with its closing signs; the last may lack an end."""
    pieces, start = [], 0
    for end in _ends(paragraph):
        pieces.append(paragraph[start:end].strip())
        start = end
    pieces.append(paragraph[start:].strip())
    return [piece for piece in pieces if piece]


def is_finished(sentence: str) -> bool:
    """Tell whether a text ends as a sentence does."""
    return sentence.rstrip(_CLOSERS + " \n").endswith(tuple(_ENDS))


def joined(parts: list[str]) -> str:
    """Put sentences together: with spaces, but none after a wide full stop."""
    text = ""
    for part in parts:
        wide = bool(text) and unicodedata.east_asian_width(text[-1]) in "WF"
        text += part if not text or wide else f" {part}"
    return text


def cut(text: str, limit: int) -> str:
    """Shorten a text to `limit` characters, at a clause or a word if one is near, and mark it with an ellipsis."""
    if len(text) <= limit:
        return text
    end = limit - 1
    window = text[end // 2 : end]
    clause = max(window.rfind(sign) for sign in "、，；;：:,）)")
    space = window.rfind(" ") if text[end] != " " else len(window)
    if clause >= len(window) // 3:
        end = end // 2 + clause + 1
    elif space > 0:
        end = end // 2 + space
    while end > 1 and not is_boundary(text, end):
        end -= 1
    return text[:end].rstrip(" 、，；;：:,") + "…"


def is_boundary(text: str, index: int) -> bool:
    """Tell whether a text may be cut before this index without parting one visible character."""
    if index <= 0 or index >= len(text):
        return True
    before, after = text[index - 1], text[index]
    if "\u200d" in (before, after) or unicodedata.category(after) in {"Mn", "Mc", "Me"}:
        return False
    if "\U0001f3fb" <= after <= "\U0001f3ff" or "\ufe00" <= after <= "\ufe0f":
        return False
    if _is_flag(before) and _is_flag(after):
        run = len(text[:index]) - len(text[:index].rstrip(_FLAGS))
        return run % 2 == 0
    return not (_is_jamo(after) and _is_hangul(before))


_FLAGS: Final = "".join(map(chr, range(0x1F1E6, 0x1F200)))


def _is_flag(char: str) -> bool:
    return "\U0001f1e6" <= char <= "\U0001f1ff"


def _is_jamo(char: str) -> bool:
    return "\u1160" <= char <= "\u11ff"  # vowels and finals, which join what stands before them


def _is_hangul(char: str) -> bool:
    return "\u1100" <= char <= "\u11ff" or "\uac00" <= char <= "\ud7a3"


def _ends(paragraph: str) -> Iterator[int]:
    opened = _Brackets(paragraph)
    for found in _END.finditer(paragraph):
        sign, after = found[0], paragraph[found.end() : found.end() + 2]
        before = paragraph[max(found.start() - 30, 0) : found.start()]
        if sign[0] in _WIDE_ENDS:
            if _wide_end(before, sign, after) and not opened.at(found.end()):
                yield found.end()
        elif not after or (after[0].isspace() and _narrow_end(before, sign, after)):
            yield found.end()


def _wide_end(before: str, sign: str, after: str) -> bool:
    # The wide full stop is also a decimal point: ２．５.
    if sign[0] == "．" and before[-1:].isdigit() and after[:1].isdigit():
        return False
    # What stands in brackets may be quoted within a sentence: 「行く。」と言った。
    return not (sign[-1] in _OPENERS and after[:1] in _QUOTING)


def _narrow_end(before: str, sign: str, after: str) -> bool:
    # A small letter goes on with the sentence, and so does a Japanese particle after a foreign phrase.
    if after[1:2].islower() or "\u3041" <= after[1:2] <= "\u3096":
        return False
    if not sign.startswith("."):
        return True
    word = found[1].strip("(\"'«“").lower() if (found := _LAST_WORD.search(before)) else ""
    if sign == "." and (word in _ABBREVIATIONS or (len(word) == 1 and word.isalpha()) or _ORDINAL.fullmatch(word)):
        return False
    return bool(word)


class _Brackets:
    """Which places of a paragraph are inside Japanese quotation marks or brackets that are closed later on."""

    def __init__(self, paragraph: str) -> None:
        self._spans: list[tuple[int, int]] = []
        stacks: dict[str, list[int]] = {opener: [] for opener in _OPENERS.values()}
        for index, char in enumerate(paragraph):
            if char in stacks:
                stacks[char].append(index)
            elif char in _OPENERS and (stack := stacks[_OPENERS[char]]):
                begin = stack.pop()
                if not stack:
                    self._spans.append((begin, index))
        self._spans.sort()
        self._next = 0

    def at(self, index: int) -> bool:
        """Tell whether this place is inside; asked with rising indexes only."""
        while self._next < len(self._spans) and self._spans[self._next][1] < index:
            self._next += 1
        return any(begin < index <= end for begin, end in self._spans[self._next : self._next + 8])
