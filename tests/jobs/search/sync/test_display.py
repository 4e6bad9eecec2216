"""How far a long work has come: a bar on a terminal, lines elsewhere."""

import io
import re

import pytest

from jobs.search.sync import display
from jobs.search.sync.display import shown


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture(autouse=True)
def _any_terminal_will_do(monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    for name in ("NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE"):
        monkeypatch.delenv(name, raising=False)


def test_lines_tell_of_each_part_and_its_rate(monkeypatch):
    monkeypatch.setattr(display, "SECONDS_BETWEEN_LINES", 0.0)
    stream = io.StringIO()
    with shown(stream) as progress:
        progress.begin("loading", 1_000, 200)
        progress.advance(300)
        progress.note("the engine is busy")
        progress.advance(600)
        progress.begin("comparing")
    lines = stream.getvalue().splitlines()
    assert lines[0] == "loading, from 200 on …"
    assert re.fullmatch(r"loading: 500 of about 1,000, 0:00:00 left, [\d,]+/s", lines[1])
    assert lines[2] == "the engine is busy"
    # The estimate was too low.
    assert re.fullmatch(r"loading: 1,100 of about 1,100, 0:00:00 left, [\d,]+/s", lines[3])
    assert re.fullmatch(r"loading: 1,100, [\d,]+/s", lines[4])
    assert lines[5:] == ["comparing …"]


def test_lines_are_few():
    stream = io.StringIO()
    with shown(stream) as progress:
        progress.begin("loading", 1_000)
        for _ in range(1_000):
            progress.advance(1)
    assert len(stream.getvalue().splitlines()) == 2


def test_a_terminal_has_a_bar_with_count_and_rate():
    stream = Terminal()
    with shown(stream) as progress:
        progress.begin("loading", 1_000)
        progress.advance(600)
        progress.note("[the engine] is busy")
        progress.advance(600)
        progress.begin("comparing", 1_200)
        progress.advance(1_200)
    painted = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", stream.getvalue())
    assert "[the engine] is busy" in painted
    assert re.search(r"loading .*1,200", painted)
    assert re.search(r"comparing .*1,200", painted)
    assert "/s" in painted
