import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import Workspace
from accounts.roles import Role
from jobs.models import Queue
from jobs.search import known_values
from jobs.search.completing import MOST, complete
from jobs.search.language.fields import FIELDS
from jobs.search.language.parsing import parse
from jobs.search.language.tree import Is, Not
from tests import fault_proxy
from tests.factories import UserFactory
from tests.jobs.rows import fail, new_job
from tests.jobs.search.indexed import indexed  # noqa: F401 (a fixture)

pytestmark = pytest.mark.django_db


@pytest.fixture
def staff(db):
    return UserFactory(user_id="ada", name="Ada", role=Role.OPERATOR)


def labels(text, user):
    return [completion.label for completion in complete(text, len(text), user)]


def completed(text, label, user):
    """Give the query with one of its completions in place."""
    (taken,) = [completion for completion in complete(text, len(text), user) if completion.label == label]
    return text[: taken.start] + taken.text + text[taken.end :]


def test_names_begin_so_or_have_it_inside_and_other_names_count(staff):
    assert labels("proj", staff) == ["project_name"]
    assert labels("host", staff) == ["hostname"]
    assert labels("typ", staff) == ["job_type"]
    assert labels("class", staff) == ["error_class"]
    assert labels("cre", staff)[0] == "created_at"
    assert "metadata.…" in labels("meta", staff)
    assert labels("_exists_:arc", staff) == ["arch"]
    assert len(labels("", staff)) == MOST
    assert completed("status:failed AND -proj", "project_name", staff) == "status:failed AND -project_name:"
    assert completed("_exists_:arc", "arch", staff) == "_exists_:arch"


def test_fixed_values_are_all_there(staff):
    assert labels("status:", staff) == ["pending", "processing", "dead_letter", "completed", "failed", "cancelled"]
    assert labels("status:(failed OR C", staff) == ["completed", "cancelled"]
    assert labels("is_deleted:", staff) == ["true", "false"]
    assert labels("waits_for:e", staff) == ["event"]
    assert "summarize" in labels("type:summ", staff)
    assert completed("created_at:", ">=now-24h", staff) == "created_at:>=now-24h"
    assert completed("created_at:>=now-2", "now-24h", staff) == "created_at:>=now-24h"
    assert completed("created_at:[now-7d TO now-1h", "now-1h", staff) == "created_at:[now-7d TO now-1h"


def test_values_of_other_tables(staff):
    Queue.objects.create(name="slow lane")
    Workspace.objects.create(name="night desk")
    UserFactory(user_id="adam")
    assert completed("queue:slo", "slow lane", staff) == 'queue:"slow lane"'
    assert labels("workspace:NIG", staff) == ["night desk"]
    assert labels("user:ad", staff) == ["ada", "adam"]


def test_free_values_are_those_of_the_newest_jobs_the_frequent_first(staff):
    for project in ("compiler", "compiler", "kernel", 'a "b" \\c'):
        new_job(project_name=project, tags=["nightly", project], metadata={"image": {"name": project}, "cores": 4})
    fail(new_job(), error_class="LinkError")
    assert labels("project_name:", staff)[0] == "compiler"
    assert labels("project_name:KER", staff) == ["kernel"]
    assert labels("tags:ni", staff) == ["nightly"]
    assert labels("error_class:L", staff) == ["LinkError"]
    assert labels("metadata.im", staff) == ["metadata.image.name"]
    assert labels("metadata.image.name:k", staff) == ["kernel"]
    assert labels("metadata.cores:", staff) == ["4"]


@pytest.mark.parametrize(
    "value", ['a "b" \\c', "two words", "AND", "x:y", "(", "*", "駅伝", "-a", "a/b", "now", "~", "😀"]
)
def test_every_value_that_is_taken_means_itself(staff, value):
    new_job(project_name=value, metadata={"a key": value, value: 1})
    for text in ("project_name:", 'project_name:"', "NOT project_name:"):
        query = completed(text, value, staff)
        meant = Is(FIELDS["project_name"], value)
        assert parse(query) in (meant, Not(meant)), query
    for name in labels("metadata.", staff):
        parse(f"{completed('metadata.', name, staff)}x")


def test_where_nothing_can_be_said_nothing_is(staff):
    for text in (
        "nofield:x",
        "metadata..x:",
        "error_message:x",
        "id:0",
        '"some words',
        "x" * 5000,
        "status:\x00",
        "a:b:c:",
    ):
        assert complete(text, len(text), staff) == []


def test_others_see_only_their_own_values(staff):
    user = UserFactory(user_id="bob", role=Role.USER)
    new_job(project_name="secret", metadata={"secret": 1}, user=staff)
    new_job(project_name="own", user=user)
    Workspace.objects.create(name="secret")
    assert labels("project_name:", user) == ["own"] and labels("metadata.s", user) == []
    assert labels("workspace:", user) == [] and labels("user:a", user) == []
    assert set(labels("project_name:", staff)) == {"secret", "own"}


def test_one_question_to_the_database_at_most_two(staff):
    for text in ("project_name:", "type:", "queue:", "user:", "workspace:", "metadata.", "status:", "sta"):
        with CaptureQueriesContext(connection) as queries:
            complete(text, len(text), staff)
        assert len(queries) <= 1, text


def test_the_engine_knows_the_values_of_old_jobs_too(staff, indexed, faulty_engine, monkeypatch):  # noqa: F811
    monkeypatch.setattr(known_values, "RECENT", 1)
    new_job(project_name="compiler"), new_job(project_name="Kernel"), new_job(project_name="kernel-docs")
    user = UserFactory(user_id="bob", role=Role.USER)
    new_job(project_name="newest", user=user)
    indexed.send()
    assert set(labels("project_name:", staff)) == {"compiler", "Kernel", "kernel-docs", "newest"}
    assert labels("project_name:ker", staff) == ["kernel-docs"]
    assert labels("project_name:", user) == ["newest"]
    faulty_engine.fail(fault_proxy.unavailable)
    assert labels("project_name:", staff) == ["newest"]
