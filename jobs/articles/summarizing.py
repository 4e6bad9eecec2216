"""The summary of last resort: no model and no network, the beginning of the article, whole sentences of it."""

from dataclasses import dataclass
from typing import Final, Literal

from jobs.articles.exceptions import NoTextFound
from jobs.articles.languages import detect
from jobs.articles.sentences import cut, is_finished, joined, sentences

Length = Literal["short", "medium", "long"]

PROVIDER: Final = "extractive"
#: The most characters of a summary. Medium is what was always promised: the first 300.
LENGTHS: Final[dict[Length, int]] = {"short": 150, "medium": 300, "long": 600}

#: Nothing further down in an article is its beginning.
_LOOKED_AT: Final = 50_000
#: Shorter lines without an end are headings, menu entries or labels.
_HEADING: Final = 80
#: The part of an article that must be in the wanted language for the rest to be passed over.
_SHARE: Final = 0.2


@dataclass(frozen=True, slots=True)
class Summary:
    """A summary, who made it, and the language it really is in (None: too little to tell)."""

    text: str
    provider: str
    language: str | None
    length: Length


def summarize_text(text: str, *, length: Length = "medium", language: str | None = None) -> Summary:
    """Take whole sentences from the beginning, as many as the length allows; raises NoTextFound.

    Of a text in several languages, those in `language` are taken (without it, in the main one); nothing is translated.
    """
    main = detect(text)
    lines = _lines(text[:_LOOKED_AT])
    found = _in_language(lines, language or main, main)
    if not found:
        raise NoTextFound
    taken = _beginning(found, LENGTHS[length])
    return Summary(taken, PROVIDER, detect(taken) or main, length)


def _lines(text: str) -> list[str]:
    lines = (line.strip().removeprefix("- ").strip() for line in text.splitlines())
    return [line for line in lines if any(char.isalnum() for char in line)]


def _in_language(lines: list[str], wanted: str | None, main: str | None) -> list[str]:
    """Give the sentences in the wanted language if they are a fair part of the text, else those in its main one."""
    pairs = [(line, sentence) for line in lines for sentence in sentences(line)]
    prose = [(line, sentence) for line, sentence in pairs if _is_prose(line) and is_finished(sentence)]
    prose = prose or pairs  # not one whole sentence: whatever there is
    around = {line: detect(line) or main for line in {line for line, _ in prose}}
    spoken = [(sentence, detect(sentence) or around[line]) for line, sentence in prose]
    total = sum(len(sentence) for sentence, _ in spoken)
    for language in (wanted, main):
        fitting = [sentence for sentence, spoken_in in spoken if spoken_in == language]
        if sum(map(len, fitting)) > _SHARE * total:
            return fitting
    return [sentence for sentence, _ in spoken]


def _is_prose(line: str) -> bool:
    return is_finished(line) or len(line) >= _HEADING


def _beginning(found: list[str], limit: int) -> str:
    taken = found[:1]
    for sentence in found[1:]:
        if len(joined([*taken, sentence])) > limit:
            break
        taken.append(sentence)
    return cut(joined(taken), limit)
