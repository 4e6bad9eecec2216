"""The Japanese catalogue, made from the sources without gettext's own tools: `make messages`.

It reads what is marked for translation in Python and in templates, adds what is new to the .po and drops what is gone,
compiles the .mo that Django reads, and names what still has no Japanese.
"""

import ast
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import Final

from babel.messages.catalog import Catalog, Message
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po
from django.utils.translation.template import templatize

ROOT: Final = Path(__file__).resolve().parents[1]
PO: Final = ROOT / "locale" / "ja" / "LC_MESSAGES" / "django.po"
MO: Final = PO.with_suffix(".mo")
APPS: Final = ("accounts", "analytics", "config", "jobs")
_HEADER: Final = "# What the console says in Japanese. `make messages` keeps it in step with the sources."

#: Django's functions by where their arguments are: context, text, plural.
_FUNCTIONS: Final[dict[str, tuple[int | None, int, int | None]]] = {
    "gettext": (None, 0, None),
    "gettext_noop": (None, 0, None),
    "pgettext": (0, 1, None),
    "ngettext": (None, 0, 1),
    "npgettext": (0, 1, 2),
}


@dataclass(frozen=True, slots=True)
class Text:
    """One text of the sources."""

    file: str
    id: str
    plural: str | None = None
    context: str | None = None

    @property
    def key(self) -> tuple[str | None, str]:
        return self.context, self.id


def texts() -> list[Text]:
    """Give every text that is marked, in the order of its file."""
    found: list[Text] = []
    for app in APPS:
        for path in sorted((ROOT / app).rglob("*.py")):
            found.extend(_marked(path.read_text(), path))
    for path in sorted((ROOT / "templates").rglob("*.html")):
        # Lines without what stands in front of them: Python would take it for blocks.
        code = "\n".join(line.lstrip() for line in templatize(path.read_text(), origin=str(path)).splitlines())
        found.extend(_called(code, path))
    return found


def _marked(source: str, path: Path) -> Iterator[Text]:
    tree = ast.parse(source)
    names = {
        alias.asname or alias.name: alias.name.removesuffix("_lazy")
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module == "django.utils.translation"
        for alias in node.names
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and names.get(node.func.id) in _FUNCTIONS:
            places = _FUNCTIONS[names[node.func.id]]
            # What a variable holds is marked where it comes from.
            if not isinstance(node.args[places[1]], (ast.Name, ast.Attribute, ast.Call, ast.Subscript)):
                yield _text(places, node, path)


_CALL: Final = re.compile(r"\b(_|gettext|ngettext|pgettext|npgettext)(?=\()")


def _called(code: str, path: Path) -> Iterator[Text]:
    """Read the calls that Django makes of a template's tags, between the X that it makes of everything else."""
    for match in _CALL.finditer(code):
        for end in (at.end() for at in re.finditer(r"\)", code[match.end() :])):
            try:
                node = ast.parse(code[match.start() : match.end() + end].replace("\n", " "), mode="eval").body
            except SyntaxError:
                continue
            assert isinstance(node, ast.Call)
            yield _text(_FUNCTIONS[match[1].replace("_", "gettext") if match[1] == "_" else match[1]], node, path)
            break


def _text(places: tuple[int | None, int, int | None], call: ast.Call, path: Path) -> Text:
    def said(at: int | None) -> str | None:
        if at is None:
            return None
        value = call.args[at]
        where = f"{path.relative_to(ROOT)}:{call.lineno}"
        assert isinstance(value, ast.Constant) and isinstance(value.value, str), f"{where}: not a text as it stands"
        return value.value

    context, text, plural = places
    return Text(str(path.relative_to(ROOT)), said(text) or "", said(plural), said(context))


def read() -> Catalog:
    """Give the catalogue as it is kept."""
    with PO.open("rb") as file:
        return read_po(file, locale="ja")


def updated(old: Catalog) -> Catalog:
    """Give the catalogue of the sources as they are, with what the old one knows."""
    new = Catalog(locale="ja", header_comment=_HEADER, fuzzy=False)
    for text in texts():
        known = old.get(text.id, context=text.context)
        ids = (text.id, text.plural) if text.plural else text.id
        new.add(ids, _kept(known, text), locations=[(text.file, None)], context=text.context)
    return new


def _kept(known: Message | None, text: Text) -> str | tuple[str, ...]:
    string = known.string if known and not known.fuzzy else ""
    first: str = string[0] if isinstance(string, (tuple, list)) else string
    return (first,) if text.plural else first


def missing(catalogue: Catalog) -> list[str]:
    """Give the texts that nobody has put into Japanese."""
    return [english(message) for message in catalogue if message.id and not japanese(message)]


def english(message: Message) -> str:
    """Give the text of one."""
    return message.id[0] if isinstance(message.id, (tuple, list)) else str(message.id)


def japanese(message: Message) -> str:
    """Give its one form: that language has no other for many."""
    return message.string[0] if isinstance(message.string, (tuple, list)) else str(message.string)


def po(catalogue: Catalog) -> bytes:
    """Give the catalogue as its file has it: no dates and no lines, which would change with everything."""
    out = BytesIO()
    write_po(out, catalogue, width=118, include_lineno=False, sort_by_file=True, omit_header=True)
    header = f'{_HEADER}\nmsgid ""\nmsgstr ""\n"Language: ja\\n"\n"Content-Type: text/plain; charset=utf-8\\n"\n'
    return header.encode() + b'"Plural-Forms: nplurals=1; plural=0;\\n"\n\n' + out.getvalue()


def mo(catalogue: Catalog) -> bytes:
    """Give the catalogue as Django reads it; of no day, so that the same texts make the same file."""
    out = BytesIO()
    catalogue.creation_date = catalogue.revision_date = datetime(2026, 1, 1, tzinfo=UTC)
    write_mo(out, catalogue)
    return out.getvalue()


def main() -> int:
    catalogue = updated(read())
    PO.write_bytes(po(catalogue))
    kept = read()
    MO.write_bytes(mo(kept))
    absent = missing(kept)
    print(f"{sum(1 for message in kept if message.id)} texts in {PO.relative_to(ROOT)}, {len(absent)} without Japanese")
    for text in absent:
        print(f"  {text}")
    return 1 if absent else 0


if __name__ == "__main__":
    sys.exit(main())
