"""Judge a summary against its source without a model: cheap faults that every provider makes now and then."""

import re
import unicodedata
from dataclasses import dataclass
from typing import Final

from jobs.articles.copying import copied
from jobs.articles.languages import detect
from jobs.articles.names import unknown_names
from jobs.articles.sentences import is_finished, sentences
from jobs.articles.summarizing import LENGTHS, Length

#: A source no longer than this may be its own summary.
_SHORT_SOURCE: Final = LENGTHS["medium"]
#: Fewer letters than this say nothing; a wide character counts twice.
_LEAST_WEIGHT: Final = 20
#: How far a provider may go beyond the length it was asked for.
_LENIENCY: Final = 1.2
#: No summary that passes is longer.
_LOOKED_AT: Final = 2_000
#: Below this share of shared words (or pairs of characters) a summary is about something else.
_LEAST_OVERLAP: Final = 0.3

_NUMBER: Final = re.compile(r"\d{1,3}(?:[.,'\u00a0\u202f ]\d{3})+(?!\d)(?:[.,]\d+)?|\d+(?:[.,]\d+)?")
_TAGS: Final = re.compile(r"</?[a-z][a-z0-9]*(?:\s[^<>]{0,500})?/?>|&(?:nbsp|amp|lt|gt|quot|#\d{2,5});", re.IGNORECASE)
_EXCUSES: Final = re.compile(
    r"\bas an ai\b|\bi(?: am|'m) (?:sorry|unable)\b|\bi can(?:not|'t) (?:help|assist|summari[sz]e)\b"
    r"|\bhere is (?:a|the) summary\b|申し訳(?:ありません|ございません)|AI(?:言語)?モデルとして|以下は.{0,10}要約です",
    re.IGNORECASE,
)
_WORD: Final = re.compile(r"\w+")


@dataclass(frozen=True, slots=True)
class Reason:
    """One thing wrong with a summary: a stable code and a sentence."""

    code: str
    detail: str


def faults(
    summary: str, source: str, *, language: str | None = None, length: Length = "long", own_words: bool = False
) -> list[Reason]:
    """Name what is wrong with a summary, nothing if it passes.

    `language` is the one asked for; without it the summary must be in that of the source. With `own_words` it must not
    be a quotation, as those are that are taken from the article itself.
    """
    text, original = _normal(summary), _normal(source)
    if not any(char.isalnum() for char in text):
        return [Reason("empty", "The summary is empty.")]
    found = [
        *_size(text, original, length),
        *_form(summary.strip(), source),
        *_language(summary, source, language),
        *_numbers(text, original),
        *_names(summary, source),
        *_subject(text, original),
    ]
    if own_words:
        found += _copying(text, original, length)
    return found


def _size(text: str, source: str, length: Length) -> list[Reason]:
    found = []
    limit = int(LENGTHS[length] * _LENIENCY)
    if _weight(text) < min(_LEAST_WEIGHT, _weight(source)):
        found.append(Reason("too_short", "The summary is too short to say anything."))
    if len(text) > limit:
        found.append(
            Reason("too_long", f"The summary has {len(text)} characters; at this length {limit} are the most.")
        )
    if len(source) > _SHORT_SOURCE and len(text) >= 0.9 * len(source):
        found.append(Reason("whole_source", "The summary is the whole source, or as long as it."))
    return found


def _form(text: str, source: str) -> list[Reason]:
    found = []
    if not is_finished(text):
        found.append(Reason("unfinished", "The summary breaks off: it does not end as a sentence does."))
    parts = [part for part in sentences(text) if len(part) > 10]
    if len(set(parts)) < len(parts):
        found.append(Reason("repetition", "The summary says the same sentence twice."))
    if any(tag not in source for tag in _TAGS.findall(text)):  # an article about HTML may quote some
        found.append(Reason("markup", "The summary contains markup."))
    if _EXCUSES.search(text):
        found.append(Reason("not_a_summary", "The summary speaks of itself or apologises."))
    return found


def _language(summary: str, source: str, wanted: str | None) -> list[Reason]:
    expected, actual = wanted or detect(source), detect(summary)
    if not expected or not actual or expected == actual:
        return []
    return [Reason("language", f"The summary is in {actual!r}, expected was {expected!r}.")]


def _numbers(text: str, source: str) -> list[Reason]:
    known = set(_values(source))
    foreign = [number for number in dict.fromkeys(_values(text)) if number not in known]
    if not foreign:
        return []
    return [Reason("numbers", f"Numbers that the source does not contain: {', '.join(foreign[:5])}.")]


def _names(summary: str, source: str) -> list[Reason]:
    here, there = detect(summary), detect(source)
    if here and there and here != there:  # names look different in other languages
        return []
    foreign = unknown_names(summary[:_LOOKED_AT], source, here or there)
    return [Reason("names", f"Names that the source does not contain: {', '.join(foreign[:5])}.")] if foreign else []


def _copying(text: str, source: str, length: Length) -> list[Reason]:
    if len(source) <= _SHORT_SOURCE or len(text) > LENGTHS[length] * _LENIENCY:
        return []
    passage = copied(text, source)
    if passage is None:
        return []
    return [Reason("copied", f"The summary copies the source word for word: {passage[:60]!r} and more.")]


def _subject(text: str, source: str) -> list[Reason]:
    here, there = detect(text), detect(source)
    if here and there and here != there:  # a translation shares no words with its source
        return []
    terms = _terms(text)
    if not terms or len(terms & _terms(source)) / len(terms) >= _LEAST_OVERLAP:
        return []
    return [Reason("unrelated", "The summary hardly shares a word with its source.")]


def _normal(text: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", text).split())


def _weight(text: str) -> int:
    return sum(2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in text if char.isalnum())


def _values(text: str) -> list[str]:
    """Give the numbers of a text, without the signs that group their digits."""
    return [re.sub(r"\D", "", number).lstrip("0") or "0" for number in _NUMBER.findall(text)]


def _terms(text: str) -> set[str]:
    terms: set[str] = set()
    for word in _WORD.findall(text.casefold()):
        if any("\u3040" <= char <= "\u9fff" or "\uac00" <= char <= "\ud7a3" for char in word):
            terms |= {word[index : index + 2] for index in range(max(len(word) - 1, 1))}
        elif len(word) > 3:
            terms.add(word)
    return terms
