import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from config.embedded import Location, Server


@pytest.fixture
def open_directory() -> Iterator[Path]:
    """A directory that PostgreSQL's own account can reach: pytest keeps its directories to the user."""
    directory = Path(tempfile.mkdtemp(prefix="ekiden-test-"))
    directory.chmod(0o755)
    yield directory
    for home in directory.rglob("postgres"):
        if (home / "data" / "postmaster.pid").exists():
            Server(Location(home), {}).stop()
    shutil.rmtree(directory)
