from typing import Final

#: Spans at least so long are no accident; a wide character counts twice.
_SPAN: Final = 80
#: Above this share of the summary in such spans it is a quotation.
_SHARE: Final = 0.6


def copied(summary: str, source: str) -> str | None:
    """Give a long passage that a summary has word for word from its source, if it is made of such; else None.

    Both normalized in the same way. Quadratic at worst, so only for summaries of a lawful length.
    """
    text, original = summary.casefold(), source.casefold()
    wide = sum(char > "\u2e80" for char in text)
    span = _SPAN // 2 if wide * 2 > len(text) else _SPAN
    covered, end, first = 0, 0, ""
    for start in range(len(text) - span + 1):
        if text[start : start + span] in original:
            covered += start + span - max(start, end)
            end = start + span
            first = first or summary[start:end]
    return first if covered > _SHARE * len(text) else None
