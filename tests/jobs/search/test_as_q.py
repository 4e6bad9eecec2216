"""What a query becomes for PostgreSQL: values are bound, and what only the engine can do is said."""

from datetime import UTC, datetime
from decimal import Decimal
from uuid import UUID

import pytest

from jobs.models import Job
from jobs.search.as_q import as_q
from jobs.search.language.errors import QueryError
from jobs.search.language.fields import FIELDS, OWNER, metadata_field
from jobs.search.language.tree import ANY, And, Bound, Contains, Has, Is, Like, Near, Node, Not, Or, Within

HOSTNAME, TAGS, STATUS = FIELDS["hostname"], FIELDS["tags"], FIELDS["status"]
MARK = "mark"
_MARKED = metadata_field((MARK, "')"))


def sql_of(tree: Node) -> str:
    sql, params = Job.objects.filter(as_q(tree)).query.sql_with_params()
    assert sql.count("%s") == len(params)
    return sql.partition(" WHERE ")[2]


@pytest.mark.parametrize(
    "tree",
    [
        *(Is(field, MARK) for field in (HOSTNAME, TAGS, FIELDS["error_class"], _MARKED)),
        *(Like(field, (MARK, ANY)) for field in (HOSTNAME, TAGS, FIELDS["error_class"], _MARKED)),
        *(Within(field, Bound(MARK, True), Bound(MARK, False)) for field in (HOSTNAME, TAGS, _MARKED)),
        *(Contains(field, MARK) for field in (None, FIELDS["error_message"])),
        *(Is(_MARKED, value) for value in (Decimal("1E+300"), True)),
        Has(_MARKED),
    ],
    ids=repr,
)
def test_values_and_paths_are_bound(tree: Node) -> None:
    for asked in (tree, Not(tree)):
        sql = sql_of(asked).lower()
        assert MARK not in sql
        assert "[mm]" not in sql
        assert "1e+300" not in sql


def test_values_of_one_column_are_asked_for_at_once() -> None:
    ids = [UUID(int=number) for number in range(3)]
    assert sql_of(Or(tuple(Is(OWNER, each) for each in ids))) == '"job_queue"."user_id" IN (%s, %s, %s)' + ORDER
    assert "&&" in sql_of(Or((Is(TAGS, "a"), Is(TAGS, "b"))))
    statuses = sql_of(Or((Is(STATUS, "failed"), Is(STATUS, "cancelled"), Is(HOSTNAME, "a"))))
    assert statuses.count(" IN ") == 2


ORDER = ' ORDER BY "job_queue"."id" DESC'


def test_a_range_of_creation_bounds_ids_unless_it_is_excluded() -> None:
    since = Within(FIELDS["created_at"], Bound(datetime(2026, 1, 1, tzinfo=UTC), True), None)
    assert '"job_queue"."id" >= %s' in sql_of(since)
    assert '"job_queue"."id" >= %s' in sql_of(And((since, Is(HOSTNAME, "a"))))
    assert '"job_queue"."id" >= %s' not in sql_of(Not(since))
    assert '"job_queue"."id" >= %s' not in sql_of(Within(FIELDS["updated_at"], since.low, None))


def test_what_is_near_only_the_engine_finds() -> None:
    with pytest.raises(QueryError) as refused:
        as_q(And((Is(HOSTNAME, "a"), Not(Near(HOSTNAME, "build", 1)))))
    assert refused.value.code == "unsupported-in-fallback"
