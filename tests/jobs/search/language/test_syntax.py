"""What luqum is let to do: read, when somebody searches."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import luqum
import ply

import jobs.search

PROGRAM = """
import sys
from pathlib import Path
from jobs.search.language.syntax import structure
from jobs.search.language.scanning import scan
assert not [name for name in sys.modules if name.split(".")[0] in {"luqum", "ply"}], "imported before it is asked"
print(repr(structure("aa OR bb", scan("aa OR bb"))))
import luqum
print(Path(luqum.__file__).parent)
"""


def test_it_writes_nothing_to_where_packages_are(tmp_path: Path) -> None:
    for package in (luqum, ply):
        name = package.__name__
        shutil.copytree(
            Path(str(package.__file__)).parent, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__")
        )
    tables = tmp_path / "luqum" / "parsetab.py"
    # As from Python 3.13 on, where docstrings, which the tables are signed by, have other spaces.
    assert "_lr_signature = '" in tables.read_text()
    tables.write_text(tables.read_text().replace("_lr_signature = '", "_lr_signature = 'of another version"))
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}

    root = Path(jobs.search.__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-B", "-c", PROGRAM],
        env={**os.environ, "PYTHONPATH": f"{tmp_path}:{root}"},
        capture_output=True,
        text=True,
        timeout=60,
    )

    assert (done.returncode, done.stderr) == (0, "")
    tree, package_path = done.stdout.splitlines()
    assert tree == "OrOperation(Word('ww'), Word('ww'))"
    assert package_path == str(tmp_path / "luqum")
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


def test_nothing_else_asks_it() -> None:
    root = Path(jobs.search.__file__).parents[2]
    asking = [
        str(path.relative_to(root))
        for app in ("config", "analytics", "jobs", "accounts")
        for path in (root / app).rglob("*.py")
        if "luqum" in path.read_text() and "import" in path.read_text()
    ]
    assert [path for path in asking if "from luqum" in (root / path).read_text()] == ["jobs/search/language/syntax.py"]
