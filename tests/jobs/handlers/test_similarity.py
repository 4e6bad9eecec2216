"""calculate_similarity as clients submit it and as workers run it."""

import pytest

from accounts.models import User
from config.roles.declared import WORKER
from jobs.enqueue import enqueue
from jobs.exceptions import InvalidPayload
from jobs.models import Article, Job
from jobs.similarity.index import index_article
from jobs.testing import run_job
from tests.api_client import client_of
from tests.database_roles import working_as
from tests.factories import UserFactory

pytestmark = pytest.mark.django_db


def stored(user: User | None, title: str, text: str = "the relay race of kyoto") -> Article:
    article = Article.objects.create(user=user, title=title, text=text, stage="extracted")
    index_article(article)
    return article


@pytest.mark.usefixtures("database_roles")
def test_over_the_api_and_in_a_worker() -> None:
    ada = UserFactory()
    first, second = stored(ada, "first"), stored(ada, "second")
    stored(UserFactory(), "another's")
    payload = {"article_id": str(first.pk), "limit": 5}
    body = {"type": "calculate_similarity", "payload": payload}
    answer = client_of(ada).post("/api/v1/jobs", body, format="json")
    assert answer.status_code == 201, answer.content
    assert answer.json()["priority"] == 3
    with working_as(WORKER):
        job = run_job(Job.objects.get(pk=answer.json()["job_id"]))
    assert job.status == "completed", job.error_details
    assert job.result["article_id"] == str(first.pk)
    (near,) = job.result["similar"]
    assert (near["article_id"], near["title"]) == (str(second.pk), "second")
    assert 0.5 < near["score"] < 1


def test_a_text_and_articles_that_nobody_owns() -> None:
    nobodys = stored(None, "nobody's", "箱根駅伝の選手")
    job = run_job(Job.objects.get(pk=enqueue("calculate_similarity", {"text": "駅伝"}).id))
    assert [near["article_id"] for near in job.result["similar"]] == [str(nobodys.pk)]
    assert job.result["article_id"] is None


@pytest.mark.parametrize("payload", [{}, {"text": ""}, {"article_id": "7"}, {"text": "a", "limit": 0}])
def test_what_is_refused(payload: dict[str, object]) -> None:
    with pytest.raises(InvalidPayload):
        enqueue("calculate_similarity", payload)


def test_both_at_once_are_refused() -> None:
    with pytest.raises(InvalidPayload):
        enqueue("calculate_similarity", {"text": "a", "article_id": str(stored(None, "one").pk)})


def test_what_no_retry_can_mend() -> None:
    ada = UserFactory()
    others = stored(UserFactory(), "another's")
    gone, empty = stored(ada, "gone"), Article.objects.create(user=ada)
    Article.objects.filter(pk=gone.pk).update(is_deleted=True)
    for payload in ({"text": " ?! "}, *({"article_id": str(each.pk)} for each in (others, gone, empty))):
        job = run_job(Job.objects.get(pk=enqueue("calculate_similarity", payload, user=ada).id))
        assert job.status == "dead_letter", payload
