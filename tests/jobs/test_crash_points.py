"""Arming a process for its death, and that unarmed ones go by without a transaction of their own."""

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.db import connection

from jobs import crash_points
from jobs.checks import check_crash_point


@pytest.fixture
def killed(monkeypatch):
    deaths = []
    monkeypatch.setattr(crash_points.os, "kill", lambda pid, number: deaths.append(number))
    yield deaths
    crash_points.arm("")


def test_it_dies_at_the_hit_that_is_named_and_nowhere_else(killed):
    crash_points.arm("mid_prune:2")
    crash_points.crash_point("mid_bulk_submit")
    crash_points.crash_point("mid_prune")
    assert killed == []
    crash_points.crash_point("mid_prune")
    assert len(killed) == 1


def test_names_that_nobody_knows_are_refused():
    with pytest.raises(ImproperlyConfigured, match="EKIDEN_CRASH_POINT must name one of before_claim_commit"):
        crash_points.arm("after_lunch")


def test_nothing_is_opened_where_nothing_is_armed(transactional_db):
    with crash_points.commit_points("claim"):
        assert not connection.in_atomic_block


@pytest.mark.parametrize("when", ["before", "after"])
def test_commits_have_a_point_on_each_side(transactional_db, killed, monkeypatch, when):
    inside = []
    monkeypatch.setattr(crash_points.os, "kill", lambda pid, number: inside.append(connection.in_atomic_block))
    crash_points.arm(f"{when}_claim_commit")
    with crash_points.commit_points("retry", "claim"):
        assert connection.in_atomic_block
    assert inside == [when == "before"]


def test_the_check_of_a_deployment_refuses_it(settings):
    assert check_crash_point() == []
    settings.CRASH_POINT = "mid_prune"
    (error,) = check_crash_point()
    assert error.id == "jobs.E003"
