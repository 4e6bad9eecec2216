"""What a back-up says of itself."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final, Self

from config.exceptions import BackupFailed

MANIFEST: Final = "manifest.json"
SUMS: Final = "SHA256SUMS"


@dataclass(frozen=True, slots=True)
class Table:
    """A table at the time of the back-up. A partitioned one holds no rows itself, and has neither count nor sum."""

    parent: str | None
    partitioned: bool
    indexes: list[str]
    sequences: list[str]
    rows: int = 0
    #: The sum of a hash of every row, in any order.
    checksum: str = "0"


@dataclass(frozen=True, slots=True)
class Database:
    """One database of a back-up."""

    name: str
    server_major: int
    programs_major: int
    roles: list[str]
    tables: dict[str, Table]

    @property
    def rows(self) -> int:
        return sum(table.rows for table in self.tables.values())

    def with_partitions(self, name: str) -> list[str]:
        """Name the table, and the partitions that it had."""
        return [name, *(each for each, table in self.tables.items() if table.parent == name)]


@dataclass(frozen=True, slots=True)
class Manifest:
    """A whole back-up: by Django's alias, what was in each database."""

    made_at: str
    databases: dict[str, Database]

    def write(self, directory: Path) -> None:
        text = json.dumps(asdict(self), indent=1)
        (directory / MANIFEST).write_text(text + "\n", encoding="utf-8")

    @classmethod
    def read(cls, directory: Path) -> Self:
        """Read what `verify` has found whole."""
        told = json.loads((directory / MANIFEST).read_text(encoding="utf-8"))
        return cls(told["made_at"], {alias: _database(each) for alias, each in told["databases"].items()})


def _database(told: Mapping[str, Any]) -> Database:
    return Database(**{**told, "tables": {name: Table(**table) for name, table in told["tables"].items()}})


def archive(alias: str) -> str:
    return f"{alias}.dump"


def seal(directory: Path, names: Iterable[str]) -> None:
    """Write the sums of the files, in the form that `sha256sum --check` reads."""
    lines = [f"{_sha256(directory / name)}  {name}\n" for name in names]
    (directory / SUMS).write_text("".join(lines), encoding="utf-8")


def verify(directory: Path) -> None:
    """Raise BackupFailed unless every file is what it was when the back-up was made."""
    try:
        lines = (directory / SUMS).read_text(encoding="utf-8").splitlines()
        sums = {name: digest for digest, _, name in (line.partition("  ") for line in lines)}
        changed = [name for name, digest in sums.items() if _sha256(directory / name) != digest]
    except (OSError, UnicodeDecodeError) as exc:
        raise BackupFailed(f"{directory} is not a whole back-up: {exc}.") from exc
    if changed or MANIFEST not in sums:
        broken = ", ".join(changed) or SUMS
        raise BackupFailed(f"{directory} is damaged: {broken} is not what was written. Use another back-up.")


def _sha256(path: Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
