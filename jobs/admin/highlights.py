"""Why a job was found, as a row of the list shows it."""

from collections.abc import Iterator, Sequence
from typing import Final

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from jobs.search.asking import Highlight

#: Of one job; more make a list that nobody reads.
SHOWN: Final = 3


def shown(found: Sequence[Highlight]) -> SafeString:
    """Show the pieces of texts, each with the name of its field, and mark in them what was looked for."""
    rows = ((piece.field, format_html_join("", "{}", _parts(piece))) for piece in found[:SHOWN])
    return format_html_join("", '<span class="found"><span class="quiet">{}</span> {}</span>', rows)


def _parts(piece: Highlight) -> Iterator[tuple[SafeString | str]]:
    at = 0
    for begin, end in piece.spans:
        yield (piece.text[at:begin],)
        yield (format_html("<mark>{}</mark>", piece.text[begin:end]),)
        at = end
    yield (piece.text[at:],)
