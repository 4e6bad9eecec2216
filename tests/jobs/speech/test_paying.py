"""Requests to a speech server are counted, bounded and paid for like those to any provider."""

from decimal import Decimal

import pytest
from pytest_django import Settings

from jobs.handlers.podcasts import generate_podcast
from jobs.models import CallSlot, DailySpend, Job, ProviderCall, ProviderDay
from jobs.models.columns import ClockTimestamp
from jobs.speech import paying
from jobs.testing import run_job
from tests.jobs.speech.podcasts import tone
from tests.jobs.speech.server import SpeechServer, audio, error

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("media")]

TEXT = "Each runner hands over the sash to the next one. " * 150


@pytest.fixture
def speaking(server: SpeechServer, settings: Settings) -> SpeechServer:
    server.queue = [audio(tone(0.2), "audio/wav")]
    settings.SPEECH_PRICE = Decimal(15)
    return server


def test_each_piece_is_a_call_that_costs_by_its_characters(speaking: SpeechServer) -> None:
    job = run_job(generate_podcast, text=TEXT)
    assert job.status == "completed", job.error_details
    calls = list(ProviderCall.objects.order_by("id"))
    assert {(call.provider, call.model, call.purpose, call.outcome, call.job_id) for call in calls} == {
        ("speech", "tts-1", "podcast", "answered", job.pk)
    }
    sent = [len(asked["input"]) for asked in speaking.asked]
    assert [call.cost for call in calls] == [Decimal(15) * length / 1_000_000 for length in sent]
    assert DailySpend.objects.get().amount == sum(call.cost for call in calls)
    day = ProviderDay.objects.get()
    assert (day.provider, day.outcome, day.calls) == ("speech", "answered", 2)
    assert not CallSlot.objects.exclude(token=None).exists()


@pytest.mark.parametrize(
    ("answer", "outcome", "charged"),
    [
        (error(429), "limited", False),
        (error(401), "refused", False),
        (error(500), "failed", True),
        (audio(b"no sound at all"), "unusable", True),
    ],
)
def test_what_came_to_nothing_is_written_down(
    speaking: SpeechServer, answer: object, outcome: str, charged: bool
) -> None:
    speaking.queue = [answer]  # type: ignore[list-item]
    run_job(generate_podcast, text="One sentence.")
    call = ProviderCall.objects.get()
    assert (call.outcome, call.cost > 0) == (outcome, charged)
    assert DailySpend.objects.get().amount == call.cost
    assert call.error_code and call.seconds is not None


def test_who_has_spent_the_days_money_waits(speaking: SpeechServer, settings: Settings) -> None:
    settings.AI_DAILY_SPEND_LIMIT = Decimal("0.0001")
    job = run_job(generate_podcast, text="One sentence after the other.")
    assert (job.status, job.retry_count) == ("pending", 0)
    assert "spent what may be spent" in Job.objects.get().error_message  # type: ignore[operator]
    assert not speaking.asked and not ProviderCall.objects.exists()


def test_no_more_requests_at_once_than_there_may_be(
    speaking: SpeechServer, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(paying, "_PATIENCE", 0.0)
    settings.AI_MAX_CONCURRENT_REQUESTS = 1
    CallSlot.objects.create(
        number=1, token="0198a2b4-0000-7000-8000-000000000001", taken_until=ClockTimestamp() + paying._MARGIN
    )
    assert run_job(generate_podcast, text="One sentence.").status == "pending"
    assert not speaking.asked
