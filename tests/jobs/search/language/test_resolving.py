"""Names of owners and workspaces, which stand for ids."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import Workspace
from jobs.search.language.fields import OWNER, WORKSPACE
from jobs.search.language.parsing import parse
from jobs.search.language.resolving import resolve
from jobs.search.language.tree import NOTHING, And, Has, Is, Node, Not, Or
from tests.factories import UserFactory

pytestmark = pytest.mark.django_db


def resolved(query: str) -> Node:
    return resolve(parse(query))


def test_names_become_ids() -> None:
    anna, ben = UserFactory(user_id="anna"), UserFactory(user_id="ben")
    team = Workspace.objects.create(name="My team")
    assert resolved("user:anna") == Is(OWNER, anna.pk)
    assert resolved('owner:(anna OR ben) NOT workspace:"My team" _exists_:workspace') == And(
        (
            Or((Is(OWNER, anna.pk), Is(OWNER, ben.pk))),
            Not(Is(WORKSPACE, team.pk)),
            Has(WORKSPACE),
        )
    )


def test_a_name_that_nobody_has_is_no_jobs() -> None:
    assert resolved("user:nobody") == NOTHING
    assert resolved("NOT workspace:none") == Not(NOTHING)


def test_the_database_is_asked_once_for_each_kind_of_name() -> None:
    with CaptureQueriesContext(
        connection,
    ) as queries:
        resolved("user:a user:b (user:c OR workspace:d) NOT workspace:e")
    assert len(queries) == 2
    with CaptureQueriesContext(connection) as queries:
        resolved("status:failed timeout _exists_:user")
    assert not queries.captured_queries
