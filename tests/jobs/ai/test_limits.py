"""How much is asked and spent: by everybody at once no more than the settings say."""

import subprocess
import sys
import threading
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import connection
from django.db.models import F, Sum
from django.utils import timezone

from accounts.models import User
from accounts.uuid7 import first_uuid7
from jobs.ai import calls, slots, spending, tidying
from jobs.ai.failures import Skipped
from jobs.ai.groq import Groq
from jobs.ai.providers import Caller, Preferences
from jobs.ai.summaries import generate_summary
from jobs.exceptions import RateLimitError
from jobs.models import CallSlot, DailySpend, ProviderCall, ProviderDay
from tests.ai_server import AiServer, Gate, fails, hangs, resets, says
from tests.factories import UserFactory
from tests.jobs.together import in_threads

pytestmark = pytest.mark.django_db

#: Of a short prompt, as prices are set below: the most that a call can cost.
CALL = Decimal("0.01")


@pytest.fixture
def user() -> User:
    return UserFactory()


@pytest.fixture
def price(settings: Any) -> None:
    """Only what comes back costs: 2,000 tokens at most (1,024 and three for each of 300 characters) a cent."""
    settings.GROQ_INPUT_PRICE = Decimal(0)
    settings.GROQ_OUTPUT_PRICE = CALL * 1_000_000 / (1024 + 900)


def ask(user: User | None = None) -> str:
    caller = Caller(user.pk if user else None)
    return Groq().generate_summary("Ekiden is a race.", Preferences(), caller=caller).text


def spent(user: User | None) -> Decimal:
    return DailySpend.objects.get(user=user).amount


@pytest.mark.usefixtures("price")
def test_what_is_put_aside_is_settled(ai: AiServer, user: User) -> None:
    ai.groq = [says("Fine.", output_tokens=192)]
    ask(user)
    ask(user)
    cost = ProviderCall.objects.aggregate(all=Sum("cost"))["all"]
    assert spent(user) == cost and cost == pytest.approx(2 * CALL * 192 / 1924, rel=Decimal("0.001"))
    assert set(ProviderCall.objects.values_list("reserved", flat=True)) == {CALL}


@pytest.mark.usefixtures("price")
def test_a_user_spends_no_more_than_they_may(ai: AiServer, user: User, settings: Any) -> None:
    settings.AI_DAILY_SPEND_LIMIT = CALL * 3
    ai.groq = [says("Fine.", output_tokens=1924)]
    for _ in range(3):
        ask(user)
    with pytest.raises(Skipped) as caught:
        ask(user)
    assert caught.value.code == "spend_limit" and 1 <= caught.value.retry_after <= 3600
    assert len(ai.asked) == 3 and spent(user) == CALL * 3
    # Another one has their own, and those without an owner theirs.
    assert ask(UserFactory()) == ask(None) == "Fine."
    DailySpend.objects.filter(user=user).update(day=F("day") - timedelta(days=1))
    assert ask(user) == "Fine."


@pytest.mark.usefixtures("price")
def test_the_limit_is_for_models_only(ai: AiServer, user: User, settings: Any) -> None:
    settings.AI_DAILY_SPEND_LIMIT = CALL / 2
    settings.ANTHROPIC_OUTPUT_PRICE = settings.GROQ_OUTPUT_PRICE
    made = generate_summary("Ekiden.", Preferences(), user_id=user.pk, job_id=None, deadline=20)
    assert made.provider == "extractive" and not ai.asked
    assert not DailySpend.objects.exists()
    settings.AI_DAILY_SPEND_LIMIT = Decimal(0)
    assert generate_summary("Ekiden.", Preferences(), user_id=user.pk, job_id=None, deadline=20).provider == "groq"


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("price")
def test_many_at_once_spend_no_more(ai: AiServer, user: User, settings: Any) -> None:
    """Each call costs all that was put aside for it, so a single one too many would show."""
    settings.AI_DAILY_SPEND_LIMIT = CALL * 5
    ai.groq = [says("Fine.", output_tokens=1924)]

    def attempt(number: int) -> bool:
        try:
            ask(user)
        except Skipped:
            return False
        return True

    assert sum(in_threads(16, attempt)) == 5
    assert spent(user) == CALL * 5 and len(ai.asked) == 5


@pytest.mark.usefixtures("price")
@pytest.mark.parametrize(
    ("answer", "cost"),
    [(fails(500), 0), (fails(429), 0), (fails(401), 0), (resets, CALL), (hangs, CALL)],
)
def test_a_call_without_an_answer_may_have_been_charged(
    ai: AiServer, user: User, settings: Any, answer: Any, cost: Decimal
) -> None:
    settings.AI_REQUEST_TIMEOUT = 0.3
    ai.groq = [answer]
    with pytest.raises(Exception, match="groq"):
        ask(user)
    assert spent(user) == ProviderCall.objects.get().cost == cost


@pytest.mark.usefixtures("price")
def test_what_a_dead_process_had_put_aside_stays_spent(ai: AiServer, user: User, settings: Any) -> None:
    settings.AI_DAILY_SPEND_LIMIT = CALL
    day = spending.reserve(user.pk, CALL)
    options: Any = {"provider": "groq", "purpose": "summary", "user": user, "reserved": CALL, "day": day}
    lost = ProviderCall.objects.create(**options, expires_at=timezone.now() - timedelta(seconds=1))
    alive = ProviderCall.objects.create(**{**options, "reserved": 0}, expires_at=timezone.now() + timedelta(hours=1))
    with pytest.raises(Skipped):
        ask(user)
    assert tidying.tidy() == 1
    lost.refresh_from_db(), alive.refresh_from_db()
    assert (lost.outcome, lost.error_code, lost.cost) == ("lost", "lost", CALL)
    assert alive.outcome == "running" and spent(user) == CALL
    assert ProviderDay.objects.get(outcome="lost").cost == CALL
    # It was alive after all and comes to its end: nothing is counted twice.
    spending.settle(lost.pk, outcome="answered", cost=Decimal(0), input_tokens=1, output_tokens=1, seconds=1.0)
    assert spent(user) == CALL and tidying.tidy() == 0
    with pytest.raises(Skipped):
        ask(user)


def test_a_refusal_by_one_limit_uses_up_nothing_of_another(ai: AiServer, user: User, settings: Any) -> None:
    settings.GROQ_REQUESTS_PER_MINUTE = 1
    assert ask(user)
    before = spent(user)
    for _ in range(3):
        with pytest.raises(Skipped) as caught:
            ask(user)
        assert caught.value.code == "requests_per_minute" and 1 <= caught.value.retry_after <= 61
    assert spent(user) == before and ProviderCall.objects.count() == 1 == len(ai.asked)


def test_a_burst_is_what_may_come_above_the_rate(ai: AiServer, settings: Any) -> None:
    settings.GROQ_REQUESTS_PER_MINUTE, settings.GROQ_BURST_SIZE = 2, 3
    made = [generate_summary("Ekiden.", Preferences(), user_id=None, job_id=None, deadline=20) for _ in range(6)]
    assert [summary.provider for summary in made] == ["groq"] * 5 + ["claude"]


@pytest.mark.django_db(transaction=True)
def test_no_more_calls_at_once_than_there_are_slots(ai: AiServer, settings: Any) -> None:
    settings.AI_MAX_CONCURRENT_REQUESTS = 3
    gate = Gate()
    ai.groq = [gate]

    def attempt(number: int) -> str:
        return generate_summary("Ekiden.", Preferences(), user_id=None, job_id=None, deadline=60).provider

    def let_go() -> None:
        for _ in range(3):
            gate.inside.acquire(timeout=30)
        gate.open.set()

    opener = threading.Thread(target=let_go)
    opener.start()
    assert in_threads(8, attempt) == ["groq"] * 8
    opener.join()
    assert gate.most == 3
    assert set(CallSlot.objects.values_list("token", "taken_until")) == {(None, None)}


@pytest.mark.django_db(transaction=True)
def test_a_slot_is_never_two_holders(settings: Any) -> None:
    settings.AI_MAX_CONCURRENT_REQUESTS = 2
    lock, inside, most = threading.Lock(), 0, 0

    def hold(number: int) -> int:
        nonlocal inside, most
        held = 0
        for _ in range(25):
            try:
                with slots.slot(60, 0):
                    with lock:
                        inside += 1
                        most = max(most, inside)
                    held += 1
                    # Others look while it is held.
                    CallSlot.objects.count()
                    with lock:
                        inside -= 1
            except Skipped:
                continue
        return held

    assert sum(in_threads(8, hold)) > 0
    assert 0 < most <= 2


_CALLER = """
import sys
from decimal import Decimal
import django
django.setup()
from django.conf import settings
from django.db import connections
from jobs.ai.providers import Preferences
from jobs.ai.summaries import generate_summary
connections["default"].settings_dict["NAME"] = sys.argv[1]
settings.GROQ_API_KEY, settings.GROQ_BASE_URL, settings.AI_MAX_CONCURRENT_REQUESTS = "key", sys.argv[2], 1
settings.GROQ_INPUT_PRICE, settings.GROQ_OUTPUT_PRICE = Decimal(0), Decimal(sys.argv[3])
generate_summary("Ekiden is a race.", Preferences(), user_id=sys.argv[4], job_id=None, deadline=120)
"""


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("price")
def test_a_process_that_is_killed_in_a_call(ai: AiServer, settings: Any, user: User) -> None:
    """Its slot is held against other processes, and free when its time is over; its money stays spent."""
    settings.AI_MAX_CONCURRENT_REQUESTS, settings.AI_DAILY_SPEND_LIMIT = 1, CALL
    gate = Gate()
    ai.groq = [gate]
    told = [str(connection.settings_dict["NAME"]), ai.url, str(settings.GROQ_OUTPUT_PRICE), str(user.pk)]
    with subprocess.Popen([sys.executable, "-c", _CALLER, *told]) as caller:
        try:
            assert gate.inside.acquire(timeout=60), "it has not asked"
            with pytest.raises(Skipped) as caught, slots.slot(60, 0.1):
                pass
            assert caught.value.code == "busy"
            made = generate_summary("Ekiden.", Preferences(), user_id=None, job_id=None, deadline=0.5)
            assert made.provider == "extractive" and len(ai.asked) == 1
            settings.AI_FALLBACK_ENABLED = False
            with pytest.raises(RateLimitError):
                generate_summary("Ekiden.", Preferences(), user_id=None, job_id=None, deadline=0.5)
        finally:
            caller.kill()
    gate.open.set()
    with pytest.raises(Skipped), slots.slot(60, 0.1):
        pass
    assert spent(user) == CALL and ProviderCall.objects.get().outcome == "running" and tidying.tidy() == 0
    late = timedelta(minutes=5)
    CallSlot.objects.update(taken_until=F("taken_until") - late)
    ProviderCall.objects.update(expires_at=F("expires_at") - late)
    assert tidying.tidy() == 1
    assert (spent(user), ProviderCall.objects.get().outcome) == (CALL, "lost")
    with slots.slot(60, 0), pytest.raises(Skipped):
        ask(user)


def test_a_slot_that_became_another_ones_is_not_given_back(settings: Any) -> None:
    settings.AI_MAX_CONCURRENT_REQUESTS = 1
    with slots.slot(60, 0):
        other = uuid4()
        CallSlot.objects.update(token=other)
    assert CallSlot.objects.get().token == other


def test_fewer_slots_hold_at_once_and_more_are_made(settings: Any) -> None:
    settings.AI_MAX_CONCURRENT_REQUESTS = 2
    with slots.slot(60, 0), slots.slot(60, 0):
        with pytest.raises(Skipped), slots.slot(60, 0):
            pass
        settings.AI_MAX_CONCURRENT_REQUESTS = 3
        with slots.slot(60, 0):
            pass
    settings.AI_MAX_CONCURRENT_REQUESTS = 1
    with slots.slot(60, 0), pytest.raises(Skipped), slots.slot(60, 0):
        pass


@pytest.mark.django_db(transaction=True)
def test_a_call_inside_a_transaction_is_a_mistake(ai: AiServer) -> None:
    from django.db import transaction

    with pytest.raises(RuntimeError), transaction.atomic():
        ask()
    assert not ai.asked


def test_old_calls_go(settings: Any, user: User) -> None:
    now = timezone.now()
    for days in (1, 89, 91, 400):
        moment = now - timedelta(days=days)
        ProviderCall.objects.create(
            pk=UUID(int=first_uuid7(moment).int + 1),
            provider="groq",
            purpose="summary",
            outcome="answered",
            day=moment.date(),
            expires_at=moment,
        )
        DailySpend.objects.create(user=user, day=moment.date())
    tidying.tidy()
    assert ProviderCall.objects.count() == DailySpend.objects.count() == 2
    settings.AI_CALL_RETENTION_DAYS = 0
    tidying.tidy()
    assert ProviderCall.objects.count() == 2


def test_the_most_that_a_call_can_cost_is_not_too_little() -> None:
    """A token is at least a byte long."""
    from jobs.ai.prompts import summary_prompt

    prompt = summary_prompt("駅伝" * 100, Preferences())
    assert calls._most_input(prompt) >= len((prompt.instructions + prompt.data).encode())
