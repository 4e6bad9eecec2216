"""What pg_restore says that an archive holds."""

import re
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from config.backup.manifest import Table
from config.backup.programs import Programs
from config.exceptions import BackupFailed

#: Kinds of entries whose tag begins with the name of their table.
OF_TABLE: Final = (
    *("TABLE ATTACH", "TABLE DATA", "TABLE", "FK CONSTRAINT", "CHECK CONSTRAINT", "CONSTRAINT", "DEFAULT", "TRIGGER"),
    *("POLICY", "ROW SECURITY", "RULE"),
)
OF_INDEX: Final = ("INDEX ATTACH", "INDEX")
OF_SEQUENCE: Final = ("SEQUENCE OWNED BY", "SEQUENCE SET", "SEQUENCE")
#: Their tag says of what kind of thing they speak: TABLE users.
ABOUT: Final = ("ACL", "COMMENT")
OTHERS: Final = ("SCHEMA", "EXTENSION", "FUNCTION", "VIEW", "MATERIALIZED VIEW DATA", "MATERIALIZED VIEW")
KINDS: Final = "|".join(sorted((*OF_TABLE, *OF_INDEX, *OF_SEQUENCE, *ABOUT, *OTHERS), key=len, reverse=True))
LINE: Final = re.compile(rf"(?P<id>\d+); \d+ \d+ (?P<kind>{KINDS}) (?P<schema>\S+) (?P<tag>.+) (?P<owner>\S+)")


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing in an archive; `line` gives it back to pg_restore."""

    line: str
    kind: str
    schema: str
    tag: str

    def is_data_of(self, name: str) -> bool:
        return self.kind == "TABLE DATA" and f"{self.schema}.{self.tag}" == name

    def belongs_to(self, name: str, table: Table) -> bool:
        """Tell whether the entry makes or fills a part of the table."""
        schema, _, bare = name.partition(".")
        if self.schema != schema:
            return False
        if self.kind in OF_INDEX:
            return self.tag in table.indexes
        if self.kind in OF_SEQUENCE:
            return self.tag in table.sequences
        tag = self.tag.removeprefix("TABLE ") if self.kind in ABOUT else self.tag
        return self.kind in (*OF_TABLE, *ABOUT) and tag.split(" ")[0] == bare


def entries(programs: Programs, file: Path) -> list[Entry]:
    """List the archive; a file that pg_restore cannot read to its end is refused."""
    listed = subprocess.run(programs.command("pg_restore", "--list", str(file)), capture_output=True, text=True)
    if listed.returncode:
        raise BackupFailed(f"{file.name} cannot be read: {listed.stderr.strip()}")
    lines = [line for line in listed.stdout.splitlines() if line and not line.startswith(";")]
    return [
        Entry(line, found["kind"], found["schema"], found["tag"])
        if (found := LINE.fullmatch(line))
        else Entry(line, "", "", "")
        for line in lines
    ]


def refuse_partial(listed: Iterable[Entry], tables: dict[str, Table]) -> None:
    """Raise unless the archive holds the rows of just these tables."""
    archived = {f"{entry.schema}.{entry.tag}" for entry in listed if entry.kind == "TABLE DATA"}
    missing = {name for name, table in tables.items() if not table.partitioned} - archived
    if missing:
        raise BackupFailed(f"The archive lacks tables that the database has: {', '.join(sorted(missing))}.")
