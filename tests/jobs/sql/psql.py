"""Running scripts with psql, as somebody without Python would."""

import shutil
import subprocess
from pathlib import Path
from urllib.parse import urlencode

import pytest
from django.db import connection


def psql(script: Path | str, **server: str) -> list[str]:
    """Give the lines that a script printed: a file, or its text. Without a server: the tests' database."""
    program = shutil.which("psql")
    if program is None:
        pytest.skip("there is no psql on the PATH")
    if not server:
        known = ("dbname", "user", "password", "host", "port")
        server = {k: str(v) for k, v in connection.get_connection_params().items() if k in known and v}
    text = script.read_text() if isinstance(script, Path) else script
    ran = subprocess.run(
        [program, "-X", "-q", "-v", "ON_ERROR_STOP=1", f"postgresql:///?{urlencode(server)}"],
        input=text,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    return ran.stdout.splitlines()
