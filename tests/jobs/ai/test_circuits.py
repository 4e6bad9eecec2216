"""A provider that fails is left alone for a while, by all processes."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.db.models import F

from jobs.ai import circuits
from jobs.ai.circuits import FAILURES
from jobs.ai.failures import Skipped, Unavailable
from jobs.ai.groq import Groq
from jobs.ai.providers import Answer, Preferences
from jobs.ai.summaries import generate_summary
from jobs.exceptions import NonRetryableError, RateLimitError, RetryableError
from jobs.models import AuditEntry, ProviderCall, ProviderDay, ProviderState
from tests.ai_server import AiServer, Gate, fails, resets, says
from tests.factories import UserFactory
from tests.jobs.together import in_threads

pytestmark = pytest.mark.django_db


def ask() -> Answer:
    return Groq().generate_summary("Ekiden is a race.", Preferences())


def ask_and_fail(times: int = 1) -> None:
    for _ in range(times):
        with pytest.raises(RetryableError):
            ask()


def state() -> ProviderState:
    return ProviderState.objects.get(pk="groq")


def pass_time(seconds: float) -> None:
    """Have everything that is known of the provider be so much older."""
    past = timedelta(seconds=seconds)
    names = ("open_until", "probe_until", "limited_until")
    ProviderState.objects.update(**{name: F(name) - past for name in names})


def test_failures_in_a_row_open_the_circuit(ai: AiServer) -> None:
    ai.groq = [fails(500)]
    ask_and_fail(FAILURES)
    assert (state().failures, state().trips, state().last_error_code) == (FAILURES, 1, "server_error")
    with pytest.raises(Skipped) as caught:
        ask()
    assert caught.value.code == "circuit_open" and 25 < caught.value.retry_after <= 30
    assert len(ai.asked) == FAILURES
    assert ProviderDay.objects.get(outcome="skipped").calls == 1


def test_an_answer_in_between_begins_the_count_anew(ai: AiServer) -> None:
    ai.groq = [*[fails(500)] * (FAILURES - 1), says("Fine."), *[resets] * (FAILURES - 1), says("Fine.")]
    ask_and_fail(FAILURES - 1)
    ask()
    ask_and_fail(FAILURES - 1)
    assert ask().text == "Fine." and state().failures == 0


def test_one_call_tries_and_an_answer_closes_it(ai: AiServer) -> None:
    ai.groq = [*[fails(500)] * FAILURES, says("Fine.")]
    ask_and_fail(FAILURES)
    pass_time(31)
    assert ask().text == "Fine."
    found = state()
    assert (found.failures, found.trips, found.open_until, found.probe_until) == (0, 0, None, None)
    assert found.last_answer_at is not None


def test_a_try_that_fails_opens_it_for_longer(ai: AiServer) -> None:
    ai.groq = [fails(500)]
    ask_and_fail(FAILURES)
    for period in (60, 120, 240, 480, 900, 900):
        pass_time(901)
        ask_and_fail()
        with pytest.raises(Skipped) as caught:
            ask()
        assert period - 5 < caught.value.retry_after <= period
    assert len(ai.asked) == FAILURES + 6


@pytest.mark.django_db(transaction=True)
def test_only_one_of_many_tries(ai: AiServer) -> None:
    gate = Gate("Fine.")
    ai.groq = [*[fails(500)] * FAILURES, gate]
    ask_and_fail(FAILURES)
    pass_time(31)

    def attempt(number: int) -> str:
        try:
            return ask().text
        except Skipped as skipped:
            if skipped.code != "circuit_open":
                raise
            # The last of the others lets the one that tries come to its end.
            with ai._lock:
                left.pop()
                if not left:
                    gate.open.set()
            return "skipped"

    left = [None] * 7
    assert sorted(in_threads(8, attempt)) == ["Fine."] + ["skipped"] * 7
    assert gate.most == 1 and state().open_until is None


def test_a_try_that_nobody_ends_is_another_ones_later(ai: AiServer) -> None:
    """Its process died: nobody waits for it for good."""
    ai.groq = [*[fails(500)] * FAILURES, says("Fine.")]
    ask_and_fail(FAILURES)
    pass_time(31)
    assert circuits.admit("groq", 90).probing
    with pytest.raises(Skipped):
        ask()
    pass_time(91)
    assert ask().text == "Fine."


@pytest.mark.parametrize("answer", [fails(401), fails(404), fails(400, code="model_decommissioned")])
def test_what_is_wrong_with_every_request_opens_it_at_once(ai: AiServer, answer: Any) -> None:
    ai.groq = [answer]
    with pytest.raises(NonRetryableError):
        ask()
    with pytest.raises(Skipped):
        ask()


@pytest.mark.parametrize("answer", [fails(400), fails(413), fails(422), says("<b>")])
def test_what_is_wrong_with_one_request_says_nothing_of_the_next(ai: AiServer, answer: Any) -> None:
    ai.groq = [fails(500), *[answer] * (FAILURES + 1), says("Fine.")]
    ask_and_fail()
    for _ in range(FAILURES + 1):
        with pytest.raises((NonRetryableError, RetryableError)):
            ask()
    assert state().failures == 0 and ask().text == "Fine."


def test_a_provider_that_asks_for_it_is_left_alone(ai: AiServer) -> None:
    ai.groq = [fails(429, Retry_After="40"), says("Fine.")]
    with pytest.raises(RateLimitError) as caught:
        ask()
    assert caught.value.retry_after == 40
    with pytest.raises(Skipped) as skipped:
        ask()
    assert skipped.value.code == "limited" and 35 < skipped.value.retry_after <= 40
    assert (state().failures, state().open_until) == (0, None)
    pass_time(41)
    assert ask().text == "Fine."


def test_a_shorter_wait_does_not_end_a_longer_one(ai: AiServer) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        (now,) = cursor.fetchone()
    ProviderState.objects.create(name="groq", open_until=now - timedelta(1), limited_until=now - timedelta(1))
    ai.groq = [fails(429, Retry_After="5")]
    longer = now + timedelta(minutes=10)
    admission = circuits.admit("groq", 60)
    ProviderState.objects.update(limited_until=longer)
    circuits.learn(admission, Skipped("rate_limited", "x", retry_after=5))
    assert state().limited_until == longer and state().probe_until is None


def test_a_late_failure_says_nothing_new(ai: AiServer) -> None:
    early = circuits.admit("groq", 60)
    ai.groq = [fails(500)]
    ask_and_fail(FAILURES)
    opened = state().open_until
    circuits.learn(early, Unavailable("timeout", "x"))
    assert state().open_until == opened and state().trips == 1


def test_the_others_go_on_while_one_is_left_alone(ai: AiServer) -> None:
    ai.groq = [fails(500)]
    for _ in range(FAILURES + 2):
        made = generate_summary("Ekiden.", Preferences(), user_id=None, job_id=None, deadline=20)
        assert made.provider == "claude"
    assert len(ai.asked_of("groq")) == FAILURES and len(ai.asked_of("claude")) == FAILURES + 2
    fallbacks = dict(ProviderDay.objects.filter(provider="groq").values_list("outcome", "fallbacks"))
    assert fallbacks == {"failed": FAILURES, "skipped": 2}


def test_an_operator_has_it_asked_again(ai: AiServer) -> None:
    ada = UserFactory(role="operator")
    ai.groq = [*[fails(500)] * FAILURES, says("Fine.")]
    ask_and_fail(FAILURES)
    circuits.reset("groq", ada, "They say that it works again.")
    assert ask().text == "Fine."
    entry = AuditEntry.objects.get()
    assert (entry.action, entry.target_type, entry.target_id) == ("reset", "provider", "groq")
    assert entry.details["failures"] == FAILURES and entry.reason == "They say that it works again."
    with pytest.raises(ProviderState.DoesNotExist):
        circuits.reset("nobody", ada)


@pytest.mark.parametrize(
    ("answer", "base"), [(fails(500), RetryableError), (fails(400), NonRetryableError), (fails(429), RateLimitError)]
)
def test_without_the_fallback_the_queue_has_to_do(ai: AiServer, settings: Any, answer: Any, base: Any) -> None:
    settings.AI_FALLBACK_ENABLED = False
    ai.groq = [answer, says("Fine.")]
    options: Any = {"user_id": None, "job_id": None, "deadline": 20}
    with pytest.raises(base):
        generate_summary("Ekiden.", Preferences(), **options)
    assert len(ai.asked) == 1 and not ai.asked_of("claude")
    assert ProviderCall.objects.count() == 1
    assert not ProviderDay.objects.filter(fallbacks__gt=0).exists()
    ProviderState.objects.all().delete()
    assert generate_summary("Ekiden.", Preferences(), **options).provider == "groq"
    settings.GROQ_API_KEY = settings.ANTHROPIC_API_KEY = ""
    assert generate_summary("Ekiden.", Preferences(), **options).provider == "extractive"
