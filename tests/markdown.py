"""The documents as tests read them: their code blocks and tables."""

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).resolve().parents[1]
PAGES: Final = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("*/README.md")])

_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
#: Between two bars, unless one is escaped or stands in code.
_CELL = re.compile(r"(?:`[^`]*`|\\\||[^|`])+")


@dataclass(frozen=True)
class Block:
    """One fenced block, with what stands in front of it in the file."""

    page: str
    line: int
    language: str
    text: str

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"


def blocks(page: str) -> list[Block]:
    """Give the fenced blocks of a page, named from the root of the project."""
    text = (ROOT / page).read_text()
    return [
        Block(page, text.count("\n", 0, match.start()) + 1, match[1], match[2])
        for match in _FENCE.finditer(text)
    ]  # fmt: skip


def table(page: str, first: str) -> list[list[str]]:
    """Give the rows of every table of a page whose first heading is this one."""
    rows: list[list[str]] = []
    inside = False
    for line in (ROOT / page).read_text().splitlines():
        if not line.startswith("|"):
            inside = False
            continue
        cells = [cell.strip() for cell in _CELL.findall(line.strip().strip("|"))]
        if inside and not set(line) <= set("|- "):
            rows.append(cells)
        inside = inside or cells[:1] == [first]
    assert rows, f"{page} has no table that begins with {first!r}"
    return rows


def words(cell: str) -> list[str]:
    """Give what stands in a cell as code."""
    return re.findall(r"`([^`]+)`", cell)


def holds(shown: Any, real: Any) -> bool:
    """Tell whether a document's JSON is true of the real one: objects may leave things out, … stands for any text."""
    if isinstance(shown, dict):
        return isinstance(real, dict) and all(name in real and holds(shown[name], real[name]) for name in shown)
    if isinstance(shown, list):
        return isinstance(real, list) and len(shown) == len(real) and all(map(holds, shown, real))
    if isinstance(shown, str):
        return isinstance(real, str) and fits(shown, real)
    return bool(shown == real)


def fits(shown: str, real: str) -> bool:
    pattern = ".*".join(map(re.escape, shown.split("…")))
    return re.fullmatch(pattern, real, re.DOTALL) is not None


def assert_shown(block: Block, output: str) -> None:
    """Assert that the output is what a block shows: JSON that holds, or lines that come in this order."""
    if block.language == "json":
        assert holds(json.loads(block.text), json.loads(output)), f"{block} shows\n{block.text}\nand it is\n{output}"
        return
    lines = iter(output.splitlines())
    for shown in block.text.splitlines():
        assert any(fits(shown, line) for line in lines), f"{block}: no {shown!r} (in this order) in\n{output}"
