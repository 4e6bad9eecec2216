"""The lock protocol searched through by Spin: with tokens nothing goes wrong, without them it finds what does."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

MODEL = Path(__file__).parent / "lock_protocol.pml"


@pytest.fixture(scope="module")
def search(tmp_path_factory):
    """Build the verifier of a variant and search for a broken promise."""
    for program in ("spin", "gcc"):
        if shutil.which(program) is None:
            pytest.skip(f"{program} is not installed")
    built = {}

    def verify(promise, *variant):
        if variant not in built:
            directory = built[variant] = tmp_path_factory.mktemp("variant")
            shutil.copy(MODEL, directory)
            subprocess.run(["spin", *variant, "-a", MODEL.name], cwd=directory, check=True, capture_output=True)
            subprocess.run(["gcc", "-O1", "-w", "-o", "pan", "pan.c"], cwd=directory, check=True)
        found = subprocess.run(
            ["./pan", "-a", "-m10000", "-N", promise], cwd=built[variant], capture_output=True, text=True, timeout=110
        ).stdout
        assert "max search depth too small" not in found
        assert "out of memory" not in found
        states = int(float(re.search(r"([\d.e+]+) states, stored", found)[1]))
        return int(re.search(r"errors: (\d+)", found)[1]), states

    return verify


@pytest.mark.parametrize(("promise", "claims", "least"), [("all_of_these", 3, 3_000_000), ("final", 2, 100_000)])
def test_with_tokens_no_order_of_events_breaks_a_promise(search, promise, claims, least):
    errors, states = search(promise, "-DFENCE=1", f"-DCLAIMS={claims}")
    assert errors == 0
    # Fewer, and the model has lost some of its steps.
    assert states > least


@pytest.mark.parametrize("promise", ["lawful", "once", "final", "one_holder", "task"])
def test_without_tokens_the_search_finds_what_breaks(search, promise):
    errors, _ = search(promise, "-DFENCE=0")
    assert errors == 1


def test_the_model_and_this_test_name_the_same_promises():
    promises = set(re.findall(r"^ltl (\w+)", MODEL.read_text(), re.MULTILINE))
    assert promises == {"lawful", "once", "final", "one_holder", "letter", "task", "event", "all_of_these"}
