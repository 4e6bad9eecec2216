"""pg_dump and pg_restore of the right version, wherever they are, and how to run them."""

import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from config import embedded, env
from config.exceptions import BackupFailed, DatabaseNotStarted

DEBIAN: Final = Path("/usr/lib/postgresql")
VERSION: Final = re.compile(r"\(PostgreSQL\) (\d+)")
#: What libpq has no variable for goes onto the command line; none of it is a secret.
VARIABLES: Final = {"host": "PGHOST", "port": "PGPORT", "user": "PGUSER", "password": "PGPASSWORD"}


@dataclass(frozen=True, slots=True)
class Programs:
    """One installation of PostgreSQL's client programs."""

    directory: Path
    major: int

    def command(self, program: str, *arguments: str) -> list[str]:
        return [str(self.directory / program), *arguments]


def find(server_major: int) -> Programs:
    """Choose the programs of the server's major version, or else the next newer ones: pg_dump refuses newer servers."""
    found = [each for directory in _places() if (each := _inspect(directory)) is not None]
    fitting = [each for each in found if each.major >= server_major]
    if not fitting:
        seen = ", ".join(f"{each.major} in {each.directory}" for each in found) or "none at all"
        raise BackupFailed(
            f"pg_dump of PostgreSQL {server_major} or newer is needed, and here is {seen}: "
            f"install the package postgresql-client-{server_major}."
        )
    return min(fitting, key=lambda each: each.major)


def environment(parameters: Mapping[str, Any]) -> dict[str, str]:
    """Name the server to a program without showing the password to whoever lists processes."""
    named = {VARIABLES[key]: str(value) for key, value in parameters.items() if key in VARIABLES and value != ""}
    return {**env.child_environment("command"), **named, "LC_ALL": "C", "PGAPPNAME": "ekiden-backup"}


def conninfo(parameters: Mapping[str, Any]) -> str:
    """Say the rest of what libpq is to know: the database, and TLS and the like."""
    rest = {key: value for key, value in parameters.items() if key not in VARIABLES}
    return " ".join(f"{key}={_quoted(value)}" for key, value in rest.items())


def _quoted(value: Any) -> str:
    escaped = str(value).replace("\\", r"\\").replace("'", r"\'")
    return f"'{escaped}'"


def _places() -> Iterator[Path]:
    try:
        yield embedded.binaries()
    except DatabaseNotStarted:
        pass
    yield from sorted(DEBIAN.glob("*/bin"))
    if on_path := shutil.which("pg_dump"):
        yield Path(on_path).parent


def _inspect(directory: Path) -> Programs | None:
    try:
        said = subprocess.run([directory / "pg_dump", "--version"], capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        return None
    version = VERSION.search(said)
    has_both = (directory / "pg_restore").exists()
    return Programs(directory, int(version[1])) if version and has_both else None
