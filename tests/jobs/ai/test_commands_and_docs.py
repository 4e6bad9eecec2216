"""What people are told to type and to import does what the page says."""

import re
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from jobs.ai.circuits import FAILURES
from jobs.ai.prompts import MOST_WEIGHT
from jobs.ai.transport import MOST_BYTES
from tests.ai_server import SUMMARY, AiServer, fails
from tests.contracts.test_docs_python import run_page
from tests.markdown import ROOT, table

pytestmark = pytest.mark.django_db


def check() -> str:
    out = StringIO()
    call_command("ai_check", stdout=out)
    return out.getvalue()


def test_each_provider_is_asked_once(ai: AiServer) -> None:
    told = check()
    assert told.count(SUMMARY) == 2 and [asked.kind for asked in ai.asked] == ["groq", "claude"]
    assert re.search(r"groq: openai/gpt-oss-120b answered in \d+\.\d s, 400 \+ 40 tokens, \$0\.000084\n", told)


def test_what_is_wrong_with_a_provider_is_said(ai: AiServer, settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    ai.groq = [fails(401)]
    settings.ANTHROPIC_API_KEY = ""
    with pytest.raises(CommandError, match=r"No summary came from groq\."):
        check()
    out = StringIO()
    with pytest.raises(CommandError):
        call_command("ai_check", stdout=out)
    assert "groq: circuit_open" in out.getvalue() and "there is no ANTHROPIC_API_KEY" in out.getvalue()
    monkeypatch.setattr("jobs.management.commands.ai_check.find_spec", lambda package: None)
    with pytest.raises(CommandError):
        check()


def test_the_page_runs(ai: AiServer, capsys: pytest.CaptureFixture[str]) -> None:
    names = run_page("docs/providers.md")
    assert names["made"].provider == "groq" and SUMMARY in capsys.readouterr().out


def test_the_page_names_every_code_and_the_figures_of_the_program() -> None:
    page = (ROOT / "docs" / "providers.md").read_text()
    told = {code for row in table("docs/providers.md", "what happens") for code in re.findall(r"`(\w+)`", row[1])}
    package = Path(ROOT / "jobs" / "ai")
    code = "".join(path.read_text() for path in package.glob("*.py"))
    raised = set(re.findall(r'(?:Skipped|Limited|Refused|Unavailable|_unusable|_unanswered)\(\s*"(\w+)"', code))
    raised |= set(re.findall(r'_skipped\(provider, "(\w+)"', code))
    assert raised <= told and all(f'"{word}"' in code for word in told)
    assert f"after {FAILURES} failures in a row" in page and f"{MOST_WEIGHT:,} characters" in page
    assert f"{MOST_BYTES // 1_000_000} MB" in page
