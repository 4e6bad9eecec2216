"""What a model wrote, made fit to be shown, or refused: it may repeat whatever the page told it to."""

import json
import re
import unicodedata
from typing import Final

from jobs.ai.failures import Unusable
from jobs.ai.providers import Answer
from jobs.articles.sentences import cut, is_finished, joined, sentences
from jobs.articles.summarizing import LENGTHS, Length

#: How far a model may go beyond the length it was asked for; so far a summary still passes the validation.
_LENIENCY: Final = 1.2
#: Nobody's summary with all thoughts around it; more is not even looked at.
_MOST_LOOKED_AT: Final = 100_000
#: Beyond that many times the length it has not done what it was asked for, and is not cut to it.
_MUCH_TOO_LONG: Final = 8

_THOUGHTS: Final = re.compile(r"<think(?:ing)?>.*?</think(?:ing)?>", re.DOTALL | re.IGNORECASE)
_FENCE: Final = re.compile(r"\A```[a-z]{0,20}\n(.*?)\n?```\Z", re.DOTALL)
_LABEL: Final = re.compile(
    r"\A(?:(?:here is|here's) [^\n:]{0,60}|(?:the )?summary|要約|概要|摘要|résumé|zusammenfassung|resumen)\s*[:：]\s*",
    re.IGNORECASE,
)
_LINE_SIGNS: Final = re.compile(r"^[ \t]*(?:#{1,6}|[-*•])[ \t]+", re.MULTILINE)
_EMPHASIS: Final = re.compile(r"\*\*([^*\n]{1,500})\*\*|__([^_\n]{1,500})__")
_MARKUP: Final = re.compile(
    r"<[a-z!/?][^<>]{0,2000}>|<(?:script|iframe|img|svg|style|a|form)\b|&(?:nbsp|amp|lt|gt|quot|apos|#x?[0-9a-f]{1,6});",
    re.IGNORECASE,
)
_ADDRESS: Final = re.compile(
    r"\b(?:https?|ftps?|file|wss?)\s?:\s?//|\bwww\.\w|\b(?:javascript|vbscript|mailto|tel):\S|\bdata:[a-z]+/|\]\s?\(\s?\S",
    re.IGNORECASE,
)
_UNSEEN: Final = frozenset({"Cc", "Cs", "Co"})
#: They belong into the middle of words and emoji.
_JOINERS: Final = "\u200c\u200d"


def as_summary(answer: Answer, mark: str, length: Length) -> str:
    """Give the summary in whole sentences, no longer than it may be; raises Unusable."""
    text = " ".join(_plain(answer, mark, LENGTHS[length] * _MUCH_TOO_LONG).split())
    most = int(LENGTHS[length] * _LENIENCY)
    found = sentences(text)
    if answer.cut_off and found and not is_finished(found[-1]):
        found.pop()
    if not found:
        raise _unusable("truncated", "it broke off in its first sentence", answer)
    taken = found[:1]
    for sentence in found[1:]:
        if len(joined([*taken, sentence])) > most:
            break
        taken.append(sentence)
    return cut(joined(taken), most)


def as_text(answer: Answer, mark: str, most_characters: int) -> str:
    """Give a text of several paragraphs; raises Unusable."""
    text = _plain(answer, mark, most_characters)
    if answer.cut_off:
        raise _unusable("truncated", "it broke off", answer)
    return "\n".join(line.rstrip() for line in text.splitlines()).strip()


def _plain(answer: Answer, mark: str, most: int) -> str:
    """Take off what models put around a text; refuse what is none."""
    if len(answer.text) > _MOST_LOOKED_AT:
        raise _too_long(answer.text, answer)
    text = _THOUGHTS.sub("", "".join(filter(_is_seen, answer.text))).strip()
    fenced = _FENCE.match(text)
    text = _LABEL.sub("", (fenced[1] if fenced else text).strip())
    text = _EMPHASIS.sub(lambda found: found[1] or found[2], _LINE_SIGNS.sub("", text)).strip()
    _check(text, mark, most, answer)
    return text


def _check(text: str, mark: str, most: int, answer: Answer) -> None:
    if not any(char.isalnum() for char in text):
        raise _unusable("empty", "it was empty", answer)
    if len(text) > most:
        raise _too_long(text, answer)
    if mark in text:
        raise _unusable("prompt_repeated", "it repeated what it was told", answer)
    if _MARKUP.search(text):
        raise _unusable("markup", "it contained markup", answer)
    if _ADDRESS.search(text):
        raise _unusable("addresses", "it contained addresses", answer)
    if text[0] in "{[" and _is_json(text):
        raise _unusable("not_plain", "it was no plain text", answer)


def _is_seen(char: str) -> bool:
    category = unicodedata.category(char)
    return char in "\n\t" or char in _JOINERS or (category not in _UNSEEN and category != "Cf")


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def _too_long(text: str, answer: Answer) -> Unusable:
    return _unusable("too_long", f"it had {len(text)} characters", answer)


def _unusable(code: str, why: str, answer: Answer) -> Unusable:
    return Unusable(
        code,
        f"The text cannot be used: {why}.",
        input_tokens=answer.input_tokens,
        output_tokens=answer.output_tokens,
    )
