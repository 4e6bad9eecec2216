"""Two people edit one job: nobody's change is lost without a word."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
from django.db import connections
from rest_framework.test import APIClient

from accounts.roles import Role
from jobs.models import Job
from tests.api_client import client_of, problem
from tests.factories import UserFactory

EDITORS = 4


def test_the_second_is_told_the_version_that_there_is(
    client: APIClient, operator: APIClient, submit: Callable[..., dict[str, Any]]
) -> None:
    url = f"/api/v1/jobs/{submit()['job_id']}"
    seen = [each.get(url)["ETag"] for each in (client, operator)]
    assert seen == ['"v1"', '"v1"']

    assert operator.patch(url, {"priority": 80}, HTTP_IF_MATCH=seen[1]).status_code == 200
    refused = client.patch(url, {"priority": 2}, HTTP_IF_MATCH=seen[0])

    assert problem(refused, 412, "stale-version")["current_version"] == 2
    assert refused["ETag"] == '"v2"'
    assert client.get(url).json()["priority"] == 80
    assert client.patch(url, {"priority": 2}, HTTP_IF_MATCH=refused["ETag"]).status_code == 200


@pytest.mark.parametrize("tag", ['W/"v1"', '"1"', "v1", '"v1", "v2"'])
def test_a_tag_that_is_none_of_ours_is_answered_alike(
    client: APIClient, submit: Callable[..., dict[str, Any]], tag: str
) -> None:
    refused = client.patch(f"/api/v1/jobs/{submit()['job_id']}", {"priority": 2}, HTTP_IF_MATCH=tag)

    assert problem(refused, 412, "stale-version")["current_version"] == 1
    assert refused["ETag"] == '"v1"'


@pytest.mark.django_db(transaction=True)
def test_of_editors_at_the_same_moment_one_wins(transactional_db: None) -> None:
    job = Job.objects.create(job_type="echo", priority=0)
    editors = [client_of(UserFactory(role=Role.OPERATOR)) for _ in range(EDITORS)]
    together = Barrier(EDITORS)

    def edit(number: int) -> Any:
        together.wait(10)
        try:
            body = {"priority": 10 + number}
            return editors[number].patch(f"/api/v1/jobs/{job.pk}", body, HTTP_IF_MATCH='"v1"')
        finally:
            connections.close_all()

    with ThreadPoolExecutor(EDITORS) as pool:
        answers = list(pool.map(edit, range(EDITORS)))

    won = [number for number, answer in enumerate(answers) if answer.status_code == 200]
    assert len(won) == 1
    for answer in answers[: won[0]] + answers[won[0] + 1 :]:
        assert problem(answer, 412, "stale-version")["current_version"] == 2
    job.refresh_from_db()
    assert (job.priority, job.version) == (10 + won[0], 2)
