"""What the documents tell people to type, to set and to follow exists, and what exists is written down."""

import argparse
import re
import shlex
from dataclasses import fields
from functools import cache
from pathlib import Path

import pytest
from django.core.management import get_commands, load_command_class

from config import env
from config.variables import duration
from jobs.doctor.checks import checks
from tests.markdown import PAGES, ROOT, blocks, table, words

LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
#: Commands whose options stand in tables of docs/operations.md.
TABLED = (
    "runworker",
    "bench",
    "bench_api",
    "bench_search",
    "bench_analytics",
    "bench_console",
    "prune_jobs",
    "backup",
    "restore",
)
ANY_DJANGO_COMMAND = {"--help", "--version", "--settings", "--traceback", "--verbosity", "--noinput"}


def name_of(page: Path) -> str:
    return str(page.relative_to(ROOT))


@cache
def parser(command: str) -> argparse.ArgumentParser:
    application = get_commands()[command]
    made = application if not isinstance(application, str) else load_command_class(application, command)
    found: argparse.ArgumentParser = made.create_parser("manage.py", command)
    return found


def options(command: str) -> set[str]:
    return options_of(parser(command))


def options_of(parser: argparse.ArgumentParser) -> set[str]:
    """Give its options, and those of its verbs if it has any."""
    verbs = [action for action in parser._actions if isinstance(action, argparse._SubParsersAction)]
    own = {option for action in parser._actions for option in action.option_strings}
    return own.union(*(options_of(verb) for action in verbs for verb in action.choices.values()))


def typed(page: Path) -> list[list[str]]:
    """Every `manage.py …` of a page, from blocks and from running text, as words."""
    text = page.read_text()
    in_blocks = [line for block in blocks(name_of(page)) if block.language == "sh" for line in block.text.splitlines()]
    lines = in_blocks + re.findall(r"`([^`\n]*manage\.py [^`\n]*)`", text)
    return [shlex.split(line.split("manage.py ", 1)[1], comments=True) for line in lines if "manage.py " in line]


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_commands_and_their_options_exist(page):
    for command, *arguments in typed(page):
        known = options(command) | ANY_DJANGO_COMMAND
        for argument in arguments:
            if argument.startswith("--"):
                assert argument.split("=")[0] in known, f"{name_of(page)}: manage.py {command} {argument}"


@pytest.mark.parametrize("command", TABLED)
def test_every_option_of_our_commands_is_in_operations(command):
    told = {words(row[0])[0] for row in table("docs/operations.md", "option")}
    of_django = options("check") | {"--skip-checks"}
    assert {option for option in options(command) if option.startswith("--")} - of_django <= told


def test_every_command_of_ours_is_somewhere():
    ours = {name for name, app in get_commands().items() if app in {"accounts", "analytics", "config", "jobs"}}
    assert ours == {command for page in PAGES for command, *_ in typed(page)} & ours


def test_the_doctor_s_checks_and_options_are_on_its_page():
    assert {words(row[0])[0] for row in table("docs/doctor.md", "check")} == set(checks)
    told = {words(row[0])[0] for row in table("docs/doctor.md", "option")}
    assert told == {"--only", "--fail-level", "--json"} <= options("doctor")


def test_no_option_is_made_up():
    told = {words(row[0])[0] for row in table("docs/operations.md", "option")}
    assert told <= set().union(*map(options, TABLED))


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_make_targets_exist(page):
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    told = set(re.findall(r"(?:^|`|\s)make ([a-z-]+)(?=`|\s+#)", page.read_text()))
    assert told <= targets


def settings_read() -> set[str]:
    """The variables that the program reads."""
    return set(re.findall(r'read\.\w+\("([A-Z_]+)"', (ROOT / "config" / "env.py").read_text()))


def told_settings() -> dict[str, str]:
    told: dict[str, str] = {}
    for row in table("docs/operations.md", "variable"):
        names = words(row[0])
        defaults = row[1].split(", ") if len(names) > 1 else [row[1]]
        told |= dict(zip(names, defaults, strict=True))
    return told


def test_every_setting_is_in_operations_and_nothing_else():
    # What a process is, the name of the tests' database, and where tests end a process are not for deployments.
    others = {"EKIDEN_PROCESS", "TEST_DB_NAME", "EKIDEN_CRASH_POINT"}
    assert set(told_settings()) == settings_read() - others
    page = (ROOT / "docs" / "operations.md").read_text()
    assert all(f"`{name}`" in page for name in others)


def test_defaults_are_those_of_the_program(tmp_path):
    real = env.load({"EKIDEN_VAR_DIR": str(tmp_path)})
    by_name = {field.name.upper(): getattr(real, field.name) for field in fields(real)}
    by_name |= {"EKIDEN_HOST": real.host, "EKIDEN_PORT": real.port, "EKIDEN_WEB_THREADS": real.web_threads}
    compared = 0
    for name, default in told_settings().items():
        value = by_name.get(name)
        if isinstance(value, bool):
            assert default == str(value).lower(), name
        elif isinstance(value, int) and default.isdigit():
            assert int(default) == value, name
        elif isinstance(value, float):
            assert duration(default) == value, name
        else:
            continue
        compared += 1
    assert compared >= 18


def test_every_setting_has_an_effect():
    code = "".join(
        path.read_text()
        for app in ("accounts", "analytics", "config", "jobs")
        for path in (ROOT / app).rglob("*.py")
        if path not in {ROOT / "config" / "env.py", ROOT / "config" / "settings.py"}
    )
    said = told_settings()
    assert [name for name in said if name.startswith(("AI_", "RATE_LIMIT_", "REDIS_")) and name not in code] == []


def slug(heading: str) -> str:
    """Make an anchor of a heading, as GitHub does."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_links_lead_somewhere(page):
    for link in LINK.findall(page.read_text()):
        if link.startswith(("http://", "https://")):
            continue
        file, _, anchor = link.partition("#")
        target = (page.parent / file).resolve() if file else page
        assert target.exists(), f"{name_of(page)}: {link}"
        if anchor:
            headings = re.findall(r"^#+ (.+)$", target.read_text(), re.MULTILINE)
            assert anchor in {slug(heading) for heading in headings}, f"{name_of(page)}: {link}"
