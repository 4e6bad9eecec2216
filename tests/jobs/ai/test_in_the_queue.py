"""What the queue does about providers: without the fallback, errors are its to wait for, to retry or to give up."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from jobs.enqueue import enqueue
from jobs.models import DeadLetter, Job, ProviderCall
from jobs.testing import drain_jobs
from tests.ai_server import SUMMARY, AiServer, fails, says
from tests.factories import UserFactory

pytestmark = pytest.mark.django_db(transaction=True)


def summarized(settings: Any, ai: AiServer, answer: Any, *, fallback: bool = False) -> Job:
    settings.AI_FALLBACK_ENABLED = fallback
    ai.groq = [answer, says(SUMMARY)]
    job = enqueue("summarize", {"content": "Ekiden is a relay race. It began in 1917."}, user=UserFactory())
    drain_jobs()
    return Job.objects.get(pk=job.id)


def test_a_rate_limit_is_waited_for_and_uses_up_no_retry(ai: AiServer, settings: Any) -> None:
    job = summarized(settings, ai, fails(429, Retry_After="40"))
    assert (job.status, job.retry_count) == ("pending", 0)
    wait = job.scheduled_at - timezone.now()
    assert timedelta(seconds=25) < wait <= timedelta(seconds=41)
    assert len(ai.asked) == 1


def test_an_outage_is_retried(ai: AiServer, settings: Any) -> None:
    job = summarized(settings, ai, fails(500))
    assert (job.status, job.retry_count) == ("pending", 1)
    Job.objects.update(scheduled_at=timezone.now())
    drain_jobs()
    job.refresh_from_db()
    assert job.status == "completed" and job.result["provider"] == "groq"


def test_a_wrong_key_is_for_a_person(ai: AiServer, settings: Any) -> None:
    job = summarized(settings, ai, fails(401, words="gsk_canary0000000000000000000000"))
    assert job.status == "dead_letter"
    letter = DeadLetter.objects.get()
    assert "does not accept the key" in (letter.error_message or "")
    assert "canary" not in f"{vars(letter)}{vars(job)}"


def test_with_the_fallback_a_job_knows_nothing_of_it(ai: AiServer, settings: Any) -> None:
    job = summarized(settings, ai, fails(500), fallback=True)
    assert job.status == "completed" and job.result["provider"] == "claude"
    calls = ProviderCall.objects.values_list("provider", "job_id", "user_id")
    assert set(calls) == {("groq", job.pk, job.user_id), ("claude", job.pk, job.user_id)}
