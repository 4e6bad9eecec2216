"""docs/api.md names the addresses, problems, roles and metrics that there are, no more and no fewer."""

import re
from inspect import signature

import pytest
from drf_spectacular.generators import SchemaGenerator
from prometheus_client.parser import text_string_to_metric_families

from accounts.roles import Role
from config.api.problem_types import PROBLEM_TYPES
from jobs import context, decorators, exceptions, options
from jobs.api import dead_letter_group_filters
from jobs.api.articles import ArticleFilters
from jobs.api.dead_letter_filters import DeadLetterFilters
from jobs.api.functions import FunctionFilters
from jobs.api.job_filters import JobFilters
from jobs.api.schedule_filters import ScheduleFilters
from jobs.api.sessions import SessionFilters
from jobs.models import Schedule, Session
from jobs.statuses import GroupStatus, Resolution
from tests.markdown import ROOT, table, words

#: What `@job` takes.
DECORATOR = set(signature(decorators.job).parameters)
#: Django answers these by itself.
IMPLIED = {"HEAD", "OPTIONS"}


def test_resources_are_the_routes():
    told = [words(row[0])[0].split(" ") for row in table("docs/api.md", "") if words(row[0])]
    assert {(method, path) for method, path in told} == openapi_operations()


def openapi_operations() -> set[tuple[str, str]]:
    schema = SchemaGenerator().get_schema(request=None, public=True)
    return {
        (method.upper(), path.removeprefix("/api/v1"))
        for path, operations in schema["paths"].items()
        for method in operations
        if path.startswith("/api/v1/") and method.upper() not in IMPLIED
    }


def test_problems_are_the_catalogue():
    told = {(words(row[0])[0], int(row[1]), row[2]) for row in table("docs/api.md", "code")}
    assert told == {(kind.code, kind.status, kind.title) for kind in PROBLEM_TYPES.values()}


def test_every_code_that_is_raised_is_in_the_catalogue():
    views = [path for part in ("accounts/api", "config/api", "jobs/api") for path in (ROOT / part).glob("*.py")]
    raised = {code for path in views for code in re.findall(r'default_code = "([^"]+)"', path.read_text())}
    assert raised and raised <= PROBLEM_TYPES.keys()


def test_filters_are_those_of_the_lists():
    told = {words(row[0])[0]: set(words(row[1])) for row in table("docs/api.md", "list")}
    assert told["/jobs"] == set(JobFilters.base_filters) | {"fields", "true", "false"}
    assert told["/articles"] == set(ArticleFilters.base_filters)
    assert told["/functions"] == set(FunctionFilters.base_filters) | {"true", "false"}
    assert told["/sessions"] == set(SessionFilters.base_filters) | set(Session.Status.values)
    yes_no = {"true", "false"}
    assert told["/schedules"] == set(ScheduleFilters.base_filters) | set(Schedule.Source.values) | yes_no
    assert told["/dead-letters"] == set(DeadLetterFilters.base_filters) | set(Resolution.values)
    assert told["/dead-letters/groups"] == dead_letter_group_filters.FILTERS | set(GroupStatus.values)


def test_roles_are_all_there():
    assert {words(row[0])[0] for row in table("docs/api.md", "role")} == set(Role.values)


@pytest.mark.django_db
def test_metrics_are_those_that_are_served(client):
    told = {words(row[0])[0] for row in table("docs/monitoring.md", "metric")}
    served = client.get("/metrics", REMOTE_ADDR="127.0.0.1")
    assert served.status_code == 200
    families = text_string_to_metric_families(served.content.decode())
    assert told == {f"{each.name}_total" if each.type == "counter" else each.name for each in families}


def test_options_of_handlers_and_jobs_are_all_there():
    told = {name for row in table("docs/handlers.md", "option") for name in words(row[0])}
    assert told == DECORATOR | options.NAMES


def test_context_is_whole():
    page = (ROOT / "docs" / "handlers.md").read_text()
    public = {name for name in vars(context.Context) if not name.startswith("_")}
    assert public == set(re.findall(r"`ctx\.(\w+)", page))


def test_errors_of_handlers_are_all_there():
    told = {name.split("(")[0] for row in table("docs/handlers.md", "raised") for name in words(row[0])}
    source = (ROOT / "jobs" / "exceptions.py").read_text()
    raised = source.split("# Raised by handlers")[1].split("# Raised to handlers")[0]
    assert told == set(re.findall(r"^class (\w+)\(", raised, re.MULTILINE))
    assert all(hasattr(exceptions, name) for name in told)
