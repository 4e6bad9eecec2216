"""A typing mistake in a payload is found before anything runs."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.markdown import ROOT

CALLS = Path("tests/jobs/typed/calls.py")
EXPECTED = re.compile(r"# E: (?P<code>[a-z-]+)(: (?P<words>.+))?$")
SAID = re.compile(r"^(?P<file>[^:]+):(?P<line>\d+): (?P<kind>error|note): (?P<words>.*?)(  \[(?P<code>[a-z-]+)\])?$")


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_mypy_finds_what_is_wrong_and_nothing_else():
    # With the settings of `make check`, and so with what its cache knows already.
    run = subprocess.run([sys.executable, "-m", "mypy", str(CALLS)], cwd=ROOT, capture_output=True, text=True)
    found = [said for line in run.stdout.splitlines() if (said := SAID.match(line)) and said["kind"] == "error"]
    said = {int(each["line"]): each for each in found if each["file"] == str(CALLS)}
    lines = enumerate((ROOT / CALLS).read_text().splitlines(), start=1)
    expected = {number: match for number, line in lines if (match := EXPECTED.search(line))}
    assert len(expected) > 20
    assert {number: each["code"] for number, each in said.items()} == {
        number: each["code"] for number, each in expected.items()
    }, run.stdout + run.stderr
    for number, each in expected.items():
        assert (each["words"] or "") in said[number]["words"]
