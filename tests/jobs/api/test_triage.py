from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.roles import Role
from jobs.models import AuditEntry, DeadLetter, DeadLetterGroup
from tests.api_client import problem
from tests.factories import UserFactory
from tests.jobs.api.conftest import bury

Submit = Callable[..., dict[str, Any]]
GROUPS = "/api/v1/dead-letters/groups"


@pytest.fixture
def letter(submit: Submit) -> DeadLetter:
    return bury(submit(payload={"text": "a"})["job_id"])


@pytest.fixture
def group(letter: DeadLetter) -> DeadLetterGroup:
    return DeadLetterGroup.objects.get()


def path(letter: DeadLetter, act: str = "") -> str:
    return f"/api/v1/dead-letters/{letter.id}{act}"


def ahead(days: float) -> str:
    return (timezone.now() + timedelta(days=days)).isoformat()


def test_a_letter_is_triaged_assigned_and_linked_at_once(operator: APIClient, letter: DeadLetter) -> None:
    UserFactory(user_id="hana", role=Role.VIEWER)
    said = {"status": "triaged", "assignee": "hana", "ticket": "OPS-7", "notes": "mine", "reason": "known"}
    answer = operator.patch(path(letter), said).json()
    assert (answer["resolution"], answer["assignee"], answer["ticket"], answer["notes"]) == (
        "triaged", "hana", "OPS-7", "mine",
    )  # fmt: skip
    assert AuditEntry.objects.filter(target_id=str(letter.id)).count() == 4
    assert operator.patch(path(letter), {"assignee": None}).json()["assignee"] is None


def test_nothing_of_a_wish_happens_when_a_part_of_it_cannot(operator: APIClient, letter: DeadLetter) -> None:
    UserFactory(user_id="client")
    problem(operator.patch(path(letter), {"ticket": "OPS-7", "assignee": "client"}), 422, "invalid-option")
    problem(operator.patch(path(letter), {"ticket": "OPS-7", "ignored_until": ahead(-1)}), 422, "invalid-option")
    letter.refresh_from_db()
    assert letter.ticket == "" and not AuditEntry.objects.exists()


@pytest.mark.parametrize(
    "wish",
    [{}, {"reason": "only"}, {"status": "redriven"}, {"status": "open", "ignored_until": "2030-01-01T00:00:00Z"},
     {"ignored_until": "soon"}, {"assignee": ""}, {"unknown": 1}],
)  # fmt: skip
def test_wishes_that_are_none(operator: APIClient, letter: DeadLetter, wish: dict[str, Any]) -> None:
    problem(operator.patch(path(letter), wish), 422, "validation")


def test_an_ignored_letter_is_found_by_its_state_and_redriven_all_the_same(
    operator: APIClient, letter: DeadLetter
) -> None:
    answer = operator.patch(path(letter), {"ignored_until": ahead(1)}).json()
    assert answer["resolution"] == "ignored" and answer["ignored_until"]
    for state, found in (("ignored", 1), ("open", 0), ("open,triaged", 0), ("triaged,ignored", 1)):
        assert len(operator.get("/api/v1/dead-letters", {"resolution": state}).json()["data"]) == found
    answer = operator.post(path(letter, "/redrive"), {"queue": "slow"}).json()
    assert (answer["resolution"], answer["redriven_queue"], answer["queue"], answer["ignored_until"]) == (
        "redriven", "slow", "echoes", None,
    )  # fmt: skip
    problem(operator.patch(path(letter), {"status": "open"}), 409, "invalid-state")


def test_redriven_to_a_queue_that_is_none(operator: APIClient, letter: DeadLetter) -> None:
    problem(operator.post(path(letter, "/redrive"), {"queue": "a queue"}), 422, "validation")
    problem(operator.post(path(letter, "/redrive"), {"queue": "lang.node"}), 422, "invalid-option")


def test_found_by_queue_and_assignee(operator: APIClient, letter: DeadLetter) -> None:
    operator.patch(path(letter), {"assignee": UserFactory(role=Role.OPERATOR).user_id})
    letter.refresh_from_db()
    assert letter.assignee is not None
    for name, value, found in (
        ("queue", "echoes", 1), ("queue", "x", 0), ("assignee", letter.assignee.user_id, 1), ("assignee", "x", 0),
    ):  # fmt: skip
        assert len(operator.get("/api/v1/dead-letters", {name: value}).json()["data"]) == found


def test_a_group_tells_how_it_grows_and_what_its_letters_have_in_common(
    operator: APIClient, group: DeadLetterGroup, letter: DeadLetter
) -> None:
    (listed,) = operator.get(GROUPS).json()["data"]
    assert (listed["trend"]["hour"], listed["trend"]["week"], len(listed["trend"]["hours"])) == (1, 1, 168)
    answer = operator.get(f"{GROUPS}/{group.pk}").json()
    assert answer.items() >= {**listed, "user_count": 1, "status": "open"}.items()
    assert letter.user is not None
    assert answer["users"] == [letter.user.user_id]
    assert [queue["value"] for queue in answer["queues"]] == ["echoes"]
    problem(operator.get(f"{GROUPS}/nothing"), 404, "not-found")


def test_a_group_is_changed(operator: APIClient, group: DeadLetterGroup) -> None:
    where = f"{GROUPS}/{group.pk}"
    hana = UserFactory(user_id="hana", role=Role.OPERATOR)
    answer = operator.patch(where, {"assignee": hana.user_id, "note": "n", "ticket": "t", "status": "triaged"}).json()
    assert (answer["assignee"], answer["note"], answer["ticket"], answer["status"]) == ("hana", "n", "t", "triaged")
    answer = operator.patch(where, {"muted_until": ahead(1), "until_version_changes": True}).json()
    assert answer["status"] == "ignored" and answer["muted_until"] and answer["muted_versions"]
    problem(operator.patch(where, {"status": "resolved"}), 409, "invalid-state")
    problem(operator.patch(where, {"until_version_changes": False}), 422, "invalid-option")
    problem(operator.patch(where, {"status": "open", "muted_until": ahead(1)}), 422, "validation")
    problem(operator.patch(where, {}), 422, "validation")
    assert operator.patch(where, {"status": "open"}).json()["muted_until"] is None


def test_groups_are_for_operators(
    client: APIClient, client_as: Callable[[Role], APIClient], group: DeadLetterGroup
) -> None:
    where = f"{GROUPS}/{group.pk}"
    problem(client.get(where), 403, "role-missing")
    assert client_as(Role.VIEWER).get(where).status_code == 200
    problem(client_as(Role.VIEWER).patch(where, {"note": "x"}), 403, "role-missing")


def test_filters_of_groups(operator: APIClient, group: DeadLetterGroup) -> None:
    operator.patch(f"{GROUPS}/{group.pk}", {"assignee": UserFactory(user_id="hana", role=Role.ADMIN).user_id})
    for name, value, found in (
        ("open", "true", 1), ("status", "open,triaged", 1), ("status", "resolved", 0), ("type", "echo", 1),
        ("type", "x", 0), ("error_class", "ValueError", 1), ("error_class", "x", 0), ("assignee", "hana", 1),
        ("assignee", "mei", 0), ("queue", "echoes", 1), ("queue", "x", 0), ("seen_after", ahead(-1), 1),
        ("seen_after", ahead(1), 0), ("text", "NO", 1), ("text", "yes", 0),
    ):  # fmt: skip
        assert len(operator.get(GROUPS, {name: value}).json()["data"]) == found, (name, value)
    for name, value in (("status", "x"), ("seen_after", "x"), ("open", "x"), ("x", "x")):
        problem(operator.get(GROUPS, {name: value}), 400, "invalid-parameter")
