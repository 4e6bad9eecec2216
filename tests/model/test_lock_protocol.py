"""The lock protocol searched through by Spin: with tokens nothing goes wrong, without them it finds what does."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

MODEL = Path(__file__).resolve().parents[2] / "docs" / "models" / "lock_protocol.pml"


@pytest.fixture(scope="module")
def search(tmp_path_factory):
    """Build the verifier for a fence and search for a broken promise."""
    for program in ("spin", "gcc"):
        if shutil.which(program) is None:
            pytest.skip(f"{program} is not installed")
    built = {}

    def verify(fence, promise):
        if fence not in built:
            directory = built[fence] = tmp_path_factory.mktemp(f"fence-{fence}")
            shutil.copy(MODEL, directory)
            subprocess.run(
                ["spin", f"-DFENCE={fence}", "-a", MODEL.name], cwd=directory, check=True, capture_output=True
            )
            subprocess.run(["gcc", "-O2", "-w", "-o", "pan", "pan.c"], cwd=directory, check=True)
        found = subprocess.run(
            ["./pan", "-a", "-m100000", "-N", promise], cwd=built[fence], capture_output=True, text=True, timeout=60
        ).stdout
        assert "max search depth too small" not in found
        states = int(float(re.search(r"([\d.e+]+) states, stored", found)[1]))
        return int(re.search(r"errors: (\d+)", found)[1]), states

    return verify


@pytest.mark.parametrize("promise", ["lawful", "final"])
def test_with_tokens_no_order_of_events_breaks_a_promise(search, promise):
    errors, states = search(1, promise)
    assert errors == 0
    assert states > 1000


@pytest.mark.parametrize("promise", ["once", "lawful", "final"])
def test_without_tokens_the_search_finds_the_double_commit(search, promise):
    errors, _ = search(0, promise)
    assert errors == 1
