"""What processes count of searches adds up in the database, and is lost by no error."""

import pytest
from django.db import DatabaseError, connection, transaction

from jobs.models import EventCount
from jobs.search import counts


@pytest.fixture(autouse=True)
def _nothing_counted_yet(db: None) -> None:
    counts.flush()
    EventCount.objects.all().delete()


def test_counts_of_several_flushes_add_up() -> None:
    counts.count(counts.ANSWERED, "elasticsearch")
    counts.count(counts.ANSWERED, "postgresql", 2)
    counts.count(counts.FELL_BACK, "timeout", 0)
    counts.flush()
    counts.count(counts.ANSWERED, "elasticsearch", 3)
    counts.flush()
    EventCount.objects.fold()
    assert counts.totals() == {"answered": {"elasticsearch": 4, "postgresql": 2}}


def test_nothing_new_is_no_statement(django_assert_num_queries) -> None:
    with django_assert_num_queries(0):
        counts.flush()


def test_what_could_not_be_written_is_kept_for_the_next_time() -> None:
    counts.count(counts.SENT, "taken", 7)

    def refuse(*args: object) -> None:
        raise DatabaseError("away")

    with pytest.raises(DatabaseError), transaction.atomic(), connection.execute_wrapper(refuse):
        counts.flush()
    assert counts.totals() == {}
    counts.count(counts.SENT, "taken")
    counts.flush()
    assert counts.totals() == {"sent": {"taken": 8}}
