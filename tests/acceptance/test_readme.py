"""The README and the pages about the API, followed word by word: `manage.py up`, curl, a real worker."""

import os
import re
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from config.embedded import Location, Server
from tests.config.test_up import READY, Up, free_port
from tests.markdown import ROOT, Block, assert_shown, blocks
from tests.programs import needs

pytestmark = pytest.mark.timeout(240)

END = "@@@ the end of the block in line"


@pytest.fixture(scope="module")
def up() -> Iterator[Up]:
    """A fresh installation that runs."""
    with tempfile.TemporaryDirectory(prefix="ekiden-test-") as name:
        var_dir = Path(name)
        # PostgreSQL's own account has to get in.
        var_dir.chmod(0o755)
        up = Up(var_dir, free_port())
        try:
            up.wait_for(READY)
            yield up
        finally:
            if up.process.poll() is None:
                up.interrupt()
            location = Location.below(var_dir)
            if location.data.exists():
                Server(location, {}).stop()


@pytest.fixture(scope="module")
def site(up: Up) -> dict[str, str]:
    """What the README tells its reader to export."""
    key = re.search(r"API key +(\S+)", up.text)
    assert key is not None
    return {"EKIDEN": f"{up.site}/api/v1", "KEY": key[1]}


def shell(commands: list[Block], site: dict[str, str]) -> dict[int, str]:
    """Run the blocks in one shell, as somebody does who pastes them one by one; gives the output of each."""
    script = "set -euo pipefail\n" + "".join(f"{block.text}echo '{END} {block.line}'\n" for block in commands)
    done = subprocess.run(
        ["bash", "-c", script], cwd=ROOT, env={**os.environ, **site}, capture_output=True, text=True, timeout=200
    )
    outputs = re.split(rf"{END} (\d+)\n", done.stdout)
    assert done.returncode == 0, f"{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
    return {int(line): output for output, line in zip(outputs[0::2], outputs[1::2], strict=False)}


@pytest.mark.parametrize(
    "page", ["README.md", "docs/api.md", "docs/workers.md", "docs/articles.md", "docs/podcasts.md"]
)
def test_commands_do_what_the_page_shows(site, page):
    if page == "docs/podcasts.md":
        needs("espeak-ng")
    on_page = blocks(page)
    # The other pages use the shorthands of the README.
    shorthands = [block for block in blocks("README.md") if block.text.startswith("api() {")]
    commands = [block for block in on_page if block.language == "bash" and block not in shorthands]
    outputs = shell([*shorthands, *commands], site)
    compared = 0
    for before, block in pairwise(on_page):
        if before.language == "bash" and block.language in {"json", "text"}:
            assert_shown(block, outputs[before.line])
            compared += 1
    assert compared >= 3


def test_first_lines_are_those_that_up_prints(up):
    shown = next(block for block in blocks("README.md") if block.text.startswith("database │"))
    here = shown.text.replace("/home/you/ekiden/var", "…").replace(":8000", f":{up.site.rsplit(':', 1)[1]}")
    assert_shown(replace(shown, text=here), up.text)
