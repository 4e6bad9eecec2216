import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def make(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["make", "--no-print-directory", *arguments], cwd=ROOT, capture_output=True, text=True)


def test_help_lists_every_chore():
    chores = set(re.findall(r"^\.PHONY: (\S+)$", (ROOT / "Makefile").read_text(), re.MULTILINE))
    listed = set(re.findall(r"^ +make (\S+) ", make().stdout, re.MULTILINE))
    assert listed == chores


def test_absent_python_is_a_sentence(tmp_path):
    done = make("run", f"VENV={tmp_path}/venv", "PYTHON=")
    assert done.returncode == 2
    assert "Ekiden needs Python 3.11 or newer" in done.stdout


def test_requirements_name_no_registry_and_serve_every_python():
    for name in ("requirements.txt", "requirements-dev.txt"):
        text = (ROOT / name).read_text()
        assert "://" not in text and "--index-url" not in text
        assert re.search(r"^django==5\.2\.\S+ ; python_full_version < '3\.12'$", text, re.MULTILINE)
        assert re.search(r"^django==6\.\S+ ; python_full_version >= '3\.12'$", text, re.MULTILINE)
        unpinned = [line for line in text.splitlines() if re.match(r"\w", line) and "==" not in line]
        assert not unpinned
