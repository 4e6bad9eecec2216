"""What `runworker` refuses, each with a sentence."""

import pytest
from django.core.management import CommandError, call_command

from jobs.worker.scaling.belonging import belong


def refused(*arguments: str) -> str:
    with pytest.raises(CommandError) as error:
        call_command("runworker", *arguments)
    return str(error.value)


@pytest.mark.parametrize("processes", ["0-3", "5-2", "1-1000", "0", "-3", "2-", "-", "x", "1-10-20", "1.5", "1—10", ""])
def test_numbers_of_processes_that_make_no_sense(processes):
    assert "is neither a whole number above 0 nor a range" in refused(f"--processes={processes}", "--autoscale")


@pytest.mark.parametrize("percentage", ["0", "101", "-5", "0.7", "many", "%"])
def test_percentages_that_make_no_sense(percentage):
    assert "is not a percentage from 1 to 100" in refused(f"--cpu-limit={percentage}")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--processes=1-10"], "--processes 1-10 is a range, which needs --autoscale."),
        (["--autoscale"], "--autoscale needs a range: --processes 1-10."),
        (["--autoscale", "--processes=3"], "--autoscale needs a range: --processes 1-10."),
        (["--autoscale", "--processes=1-2", "--drain"], "--drain ends when nothing is due, --autoscale never does"),
        (["--processes=2", "--cpu-limit=70%"], "--cpu-limit is for --autoscale only."),
        (["--up-pause=5s"], "--up-pause is for --autoscale only."),
    ],
)
def test_options_that_do_not_go_together(arguments, sentence):
    assert sentence in refused(*arguments)


@pytest.mark.parametrize("supervisor", ["host:1:abcd", "nonsense", ""])
def test_a_process_whose_supervisor_is_gone_does_not_begin(supervisor, monkeypatch):
    monkeypatch.setattr("jobs.worker.scaling.belonging.signal_when_parent_dies", lambda number: None)
    with pytest.raises(SystemExit, match="supervisor"):
        belong(supervisor)
