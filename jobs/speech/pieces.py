"""How long a script is, and where it may be cut."""

import unicodedata
from collections.abc import Iterator
from typing import Final

from jobs.articles.sentences import cut, is_boundary, joined, sentences

#: Of one request: the API takes 4,096 characters, and newer models count tokens, of which wide characters need more.
MOST_OF_PIECE: Final = 4_000


def weight(text: str) -> int:
    """Count characters, those of Japanese, Chinese and Korean twice: they say as much as two letters."""
    return len(text) + sum(unicodedata.east_asian_width(char) in "WF" for char in text)


def pieces(script: str, most: int = MOST_OF_PIECE) -> list[str]:
    """Part a script at the ends of paragraphs and sentences into as few pieces as can be, none heavier than `most`."""
    found: list[str] = []
    for part, begins in _parts(script, most):
        together = _together(found[-1], part, begins) if found else part
        if found and weight(together) <= most:
            found[-1] = together
        else:
            found.append(part)
    return found


def cut_to(script: str, most: int) -> str:
    """Leave out whole sentences from the end until a script is no heavier than `most`."""
    text = ""
    for part, begins in _parts(script, most):
        together = _together(text, part, begins) if text else part
        if weight(together) > most:
            break
        text = together
    return text


def _together(text: str, part: str, begins: bool) -> str:
    return f"{text}\n{part}" if begins else joined([text, part])


def _parts(script: str, most: int) -> Iterator[tuple[str, bool]]:
    """Give sentences, each with whether it begins a paragraph; one that is too heavy comes in parts."""
    for paragraph in script.split("\n"):
        begins = True
        for sentence in sentences(paragraph):
            for part in _bounded(sentence, most):
                yield part, begins
                begins = False


def _bounded(sentence: str, most: int) -> Iterator[str]:
    while weight(sentence) > most:
        # At a clause or a word, if there is one; without the sign that something was left out, for nothing is.
        # Of nothing but commas it leaves nothing.
        length = max(len(cut(sentence, max(most // 2, 2)).removesuffix("…")), 1)
        while length > 1 and not is_boundary(sentence, length):
            length -= 1
        yield sentence[:length]
        sentence = sentence[length:].lstrip()
    if sentence:
        yield sentence
