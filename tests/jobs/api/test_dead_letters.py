from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.roles import Role
from jobs.models import AuditEntry, DeadLetter, Job
from jobs.statuses import Status
from tests.api_client import problem
from tests.jobs.api.conftest import bury

Submit = Callable[..., dict[str, Any]]


@pytest.fixture
def letter(submit: Submit) -> DeadLetter:
    return bury(submit(payload={"text": "a"})["job_id"])


def path(letter: DeadLetter, act: str = "") -> str:
    return f"/api/v1/dead-letters/{letter.id}{act}"


def test_an_operator_reads_the_whole_history(operator: APIClient, letter: DeadLetter) -> None:
    answer = operator.get(path(letter)).json()

    assert (
        answer.items()
        >= {
            "id": str(letter.id),
            "job_id": str(letter.original_job_id),
            "type": "echo",
            "resolution": "open",
            "payload": {"text": "a"},
            "error_class": "ValueError",
            "error_message": "no",
            "resolved_by": None,
        }.items()
    )
    assert answer["error_history"][0]["traceback"] == "Traceback: secret"
    listed = operator.get("/api/v1/dead-letters").json()["data"][0]
    assert listed == {name: answer[name] for name in answer.keys() - {"payload", "redriven_payload", "error_history"}}


def test_the_desk_is_for_operators(
    client: APIClient, client_as: Callable[[Role], APIClient], letter: DeadLetter
) -> None:
    for address in ("/api/v1/dead-letters", "/api/v1/dead-letters/groups", path(letter)):
        problem(client.get(address), 403, "role-missing")
        assert client_as(Role.VIEWER).get(address).status_code == 200
    for act in ("/redrive", "/discard", "/resolve"):
        problem(client.post(path(letter, act)), 403, "role-missing")
        problem(client_as(Role.VIEWER).post(path(letter, act)), 403, "role-missing")
    problem(client_as(Role.VIEWER).patch(path(letter), {"notes": "x"}), 403, "role-missing")
    problem(client.post("/api/v1/dead-letters/bulk", {"action": "discard", "filter": {}}), 403, "role-missing")
    assert DeadLetter.objects.open().count() == 1


def test_redrives_as_it_is(operator: APIClient, letter: DeadLetter) -> None:
    answer = operator.post(path(letter, "/redrive"), {"reason": "the service is back"}).json()

    assert (answer["resolution"], answer["notes"]) == ("redriven", "the service is back")
    assert answer["redriven_payload"] is None
    job = Job.objects.get(pk=letter.original_job_id)
    assert (job.status, job.retry_count, job.payload) == (Status.PENDING, 0, {"text": "a"})
    act = AuditEntry.objects.get(target_id=letter.id)
    assert (act.action, act.actor_name, act.reason) == ("redriven", answer["resolved_by"], "the service is back")


def test_redrives_with_another_payload(operator: APIClient, letter: DeadLetter) -> None:
    wrong = operator.post(path(letter, "/redrive"), {"payload": {"times": "x"}})
    assert problem(wrong, 422, "invalid-payload")["errors"][0]["pointer"] == "#/payload/times"

    answer = operator.post(path(letter, "/redrive"), {"payload": {"text": "b"}}).json()

    assert (answer["payload"], answer["redriven_payload"]) == ({"text": "a"}, {"text": "b"})
    assert Job.objects.get(pk=letter.original_job_id).payload == {"text": "b"}


def test_discards_and_resolves(operator: APIClient, submit: Submit, letter: DeadLetter) -> None:
    other = bury(submit()["job_id"])

    assert operator.post(path(letter, "/discard")).json()["resolution"] == "discarded"
    assert operator.post(path(other, "/resolve"), {"result": {"by": "hand"}}).json()["resolution"] == "resolved"

    assert Job.objects.get(pk=letter.original_job_id).status == Status.FAILED
    resolved = Job.objects.get(pk=other.original_job_id)
    assert (resolved.status, resolved.result) == (Status.COMPLETED, {"by": "hand"})
    for act in ("/redrive", "/discard", "/resolve"):
        assert problem(operator.post(path(letter, act)), 409, "invalid-state")["current_state"] == "discarded"


def test_a_unique_key_taken_meanwhile_stops_the_redrive(operator: APIClient, submit: Submit) -> None:
    letter = bury(submit(unique_key="k")["job_id"])
    submit(unique_key="k")

    problem(operator.post(path(letter, "/redrive")), 409, "unique-key-conflict")


def test_notes_are_kept(operator: APIClient, letter: DeadLetter) -> None:
    assert operator.patch(path(letter), {"notes": "see ticket 7"}).json()["notes"] == "see ticket 7"
    problem(operator.patch(path(letter), {"note": "x"}), 422, "validation")
    problem(operator.patch(path(letter), {"notes": 7}), 422, "validation")


def test_an_unknown_letter(operator: APIClient) -> None:
    nowhere = f"/api/v1/dead-letters/{uuid4()}"

    problem(operator.get(nowhere), 404, "not-found")
    problem(operator.patch(nowhere, {"notes": "x"}), 404, "not-found")
    for act in ("redrive", "discard", "resolve"):
        problem(operator.post(f"{nowhere}/{act}"), 404, "not-found")


def test_filters(operator: APIClient, submit: Submit) -> None:
    first, second = bury(submit()["job_id"], "a"), bury(submit()["job_id"], "b", "KeyError")
    operator.post(path(first, "/discard"))

    def ids(**filters: Any) -> list[str]:
        return [letter["id"] for letter in operator.get("/api/v1/dead-letters", filters).json()["data"]]

    both = [str(second.id), str(first.id)]
    assert ids() == ids(type="echo") == ids(resolution=["open", "discarded"]) == both
    assert ids(resolution="open") == ids(fingerprint=second.error_fingerprint) == [str(second.id)]
    assert ids(job_type="other") == []
    hour_ago, soon = (timezone.now() + timedelta(hours=by) for by in (-1, 1))
    assert ids(moved_after=hour_ago.isoformat(), moved_before=soon.isoformat()) == both
    assert ids(moved_before=hour_ago.isoformat()) == []
    problem(operator.get("/api/v1/dead-letters", {"resolution": "closed"}), 400, "invalid-parameter")


def test_groups_count_what_went_wrong_alike(operator: APIClient, submit: Submit) -> None:
    letters = [bury(submit()["job_id"], f"row {n} is missing") for n in range(3)]
    bury(submit()["job_id"], "other", "KeyError")
    operator.post(path(letters[0], "/discard"))

    answer = operator.get("/api/v1/dead-letters/groups").json()

    assert [(g["error_class"], g["open_count"], g["total_count"]) for g in answer["data"]] == [
        ("KeyError", 1, 1),
        ("ValueError", 2, 3),
    ]
    assert answer["more"] is False
    operator.post("/api/v1/dead-letters/bulk", {"action": "discard", "filter": {"type": "echo"}, "dry_run": False})
    assert operator.get("/api/v1/dead-letters/groups?open=true").json()["data"] == []
    problem(operator.get("/api/v1/dead-letters/groups?open=maybe"), 400, "invalid-parameter")


def test_a_bulk_act_is_only_tried_unless_told_otherwise(operator: APIClient, submit: Submit) -> None:
    letters = [bury(submit()["job_id"]) for _ in range(3)]
    odd = bury(submit()["job_id"], "odd", "KeyError")
    selection = {"action": "redrive", "filter": {"fingerprint": letters[0].error_fingerprint}}

    tried = operator.post("/api/v1/dead-letters/bulk", selection).json()

    assert (tried["dry_run"], tried["matching"], tried["matching_capped"]) == (True, 3, False)
    assert [sample["id"] for sample in tried["samples"]] == [str(letter.id) for letter in letters]
    assert DeadLetter.objects.open().count() == 4

    first = operator.post(
        "/api/v1/dead-letters/bulk", {**selection, "dry_run": False, "limit": 2, "reason": "fixed"}
    ).json()
    assert first == {"dry_run": False, "done": 2, "skipped": 0, "reasons": {}, "more": True}
    rest = operator.post("/api/v1/dead-letters/bulk", {**selection, "dry_run": False}).json()
    assert (rest["done"], rest["more"]) == (1, False)
    assert list(DeadLetter.objects.open()) == [odd]
    assert DeadLetter.objects.get(pk=letters[0].pk).resolution_notes == "fixed"


def test_a_letter_that_cannot_be_redriven_does_not_hold_up_the_others(operator: APIClient, submit: Submit) -> None:
    stuck = bury(submit(unique_key="k")["job_id"])
    submit(unique_key="k")
    free = bury(submit()["job_id"])

    body = {"action": "redrive", "ids": [str(stuck.id), str(free.id)], "dry_run": False}
    answer = operator.post("/api/v1/dead-letters/bulk", body).json()

    assert (answer["done"], answer["skipped"], answer["more"]) == (1, 1, True)
    assert "unique key" in answer["reasons"][str(stuck.id)]


@pytest.mark.parametrize(
    "body",
    [
        {"action": "redrive"},
        {"action": "redrive", "filter": {}, "ids": [str(uuid4())]},
        {"action": "purge", "filter": {}},
        {"action": "redrive", "filter": {"fingerprnt": "x"}},
        {"action": "redrive", "ids": ["x"]},
        {"action": "redrive", "filter": {}, "dry_run": "no"},
        {"action": "redrive", "filter": {}, "limit": 0},
    ],
)
def test_a_wrong_bulk_act(operator: APIClient, letter: DeadLetter, body: Any) -> None:
    problem(operator.post("/api/v1/dead-letters/bulk", body), 422, "validation")
    assert DeadLetter.objects.open().count() == 1
