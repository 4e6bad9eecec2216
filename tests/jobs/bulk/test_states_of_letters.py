from datetime import timedelta

import pytest
from django.utils.timezone import now

from jobs import triage
from jobs.bulk.selecting import rows
from tests.jobs.rows import dead_letter

pytestmark = pytest.mark.django_db


def test_a_filter_means_the_states_that_it_names_and_the_desk_when_it_names_none(actor):
    opened, triaged, ignored = (dead_letter() for _ in range(3))
    triage.triage(triaged.pk, actor)
    triage.ignore(ignored.pk, actor, now() + timedelta(days=1))

    def found(*states):
        return set(rows("dead_letter", {"filter": {"resolution": list(states)} if states else {}}))

    assert found() == found("open", "triaged") == {opened, triaged}
    assert found("open") == {opened}
    assert found("triaged", "ignored") == {triaged, ignored}
