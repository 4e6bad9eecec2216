"""The maps in the documents show the country as it is: modules, statuses, packages, makers of decisions."""

import re
import tomllib
from datetime import date

import pytest

from jobs.statuses import Resolution, Status
from tests.markdown import ROOT, table, words

PAPER = re.compile(r"^## (.+)\n\*(\d{4}-\d\d-\d\d) · Status: (accepted|proposed|replaced)\*\n", re.MULTILINE)


@pytest.mark.parametrize("app", ["accounts", "config"])
def test_package_map_names_every_module_and_no_other(app):
    named = [name for row in table(f"{app}/README.md", "module") for name in words(row[0])]
    there = {path.name for path in (ROOT / app).glob("*.py")} - {"__init__.py", "apps.py", "exceptions.py"}
    shown = {path.name for name in named for path in (ROOT / app).glob(name.rstrip("/"))}
    assert there <= shown
    assert all(list((ROOT / app).glob(name.rstrip("/"))) for name in named)


def test_life_of_a_job_shows_every_status():
    page = (ROOT / "docs" / "glossary.md").read_text()
    diagram = page.split("```text")[1].split("```")[0]
    assert all(re.search(rf"\b{status}\b", diagram) for status in Status.values)
    assert {"redrive", "discard", "resolve"} <= set(re.findall(r"\w+", diagram)) and len(Resolution) == 6


def test_every_dependency_has_a_reason():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    wanted = [*project["project"]["dependencies"], *project["dependency-groups"]["dev"]]
    names = {re.split(r"[<>=~\[; ]", requirement)[0] for requirement in wanted}
    reasons = {
        name.strip().split("[")[0] for row in table("docs/decisions.md", "package") for name in row[0].split(",")
    }
    reasons |= {f"pytest{name}" for name in reasons if name.startswith("-")}
    kinds = {name.removesuffix("\\*") for name in reasons if name.endswith("\\*")}
    assert {name for name in names if name not in reasons and not name.startswith(tuple(kinds))} == set()


def test_decisions_are_dated_papers():
    page = (ROOT / "docs" / "decisions.md").read_text()
    papers = PAPER.findall(page)
    assert len(papers) == len(re.findall(r"^## ", page, re.MULTILINE)) >= 10
    for title, day, _ in papers:
        assert date.fromisoformat(day)
        body = page.split(f"## {title}\n")[1].split("\n## ")[0]
        if title != "Each dependency has a reason":
            assert all(f"**{part}.**" in body for part in ("Context", "Decision", "Consequence")), title
