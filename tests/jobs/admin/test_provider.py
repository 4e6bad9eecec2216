from datetime import timedelta
from decimal import Decimal

from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from jobs.ai import circuits
from jobs.models import AuditEntry, ProviderCall, ProviderDay, ProviderState
from tests.jobs.rows import new_job

LIST = "/admin/jobs/providerstate/"
CALLS = "/admin/jobs/providercall/"


def failing() -> ProviderState:
    later = timezone.now() + timedelta(minutes=5)
    return ProviderState.objects.create(
        name="groq", failures=5, trips=1, open_until=later, last_error_code="server_error", last_error_at=timezone.now()
    )


def test_a_provider_that_fails_is_seen_and_asked_again(operator, settings):
    settings.GROQ_API_KEY, settings.GROQ_MODEL = "gsk_canary", "the-model"
    failing()
    ProviderState.objects.create(name="claude", last_answer_at=timezone.now())
    ProviderDay.objects.count_call("groq", "failed", seconds=2.0, cost=Decimal("0.25"))
    listed = operator.get(LIST).content.decode()
    assert "not asked" in listed and "answering" in listed and "server_error" in listed and "$0.250000" in listed
    page = operator.get(f"{LIST}groq/change/").content.decode()
    assert "the-model" in page and "1 call, $0.250000, 2 s each" in page and "Ask again" in page
    assert "gsk_canary" not in page + listed
    assert "Ask again" not in operator.get(f"{LIST}claude/change/").content.decode()
    assert operator.get(f"{LIST}groq/reset/").status_code == 200
    text = operator.post(f"{LIST}groq/reset/", {"reason": "they say it works"}, follow=True).content.decode()
    assert "The provider is asked again." in text and "they say it works" in text
    assert circuits.admit("groq", 60).probing is False
    assert AuditEntry.objects.get().action == "reset"
    assert f'href="{LIST}groq/change/"' in operator.get("/admin/jobs/auditentry/").content.decode()


def test_states_are_told_apart(operator):
    now = timezone.now()
    ProviderState.objects.create(name="limited", limited_until=now + timedelta(hours=1))
    ProviderState.objects.create(name="trying", open_until=now - timedelta(seconds=1), failures=7)
    listed = operator.get(LIST).content.decode()
    assert "left alone" in listed and "one call tries" in listed


def test_viewers_only_look(viewer):
    failing()
    assert "Ask again" not in viewer.get(f"{LIST}groq/change/").content.decode()
    assert viewer.post(f"{LIST}groq/reset/", {"reason": "x"}).status_code == 403
    assert ProviderState.objects.get().open_until is not None


def test_calls_are_listed(operator):
    job = new_job()
    options = {"purpose": "summary", "day": timezone.now().date(), "expires_at": timezone.now(), "model": "m"}
    answered = ProviderCall.objects.create(
        **options, provider="groq", outcome="answered", job_id=job.pk, user=operator.user,
        input_tokens=400, output_tokens=40, cost=Decimal("0.000084"), seconds=0.75,
    )  # fmt: skip
    ProviderCall.objects.create(**options, provider="claude", outcome="failed", error_code="too_slow")
    operator.get(CALLS)  # what is asked once and remembered
    with CaptureQueriesContext(connection) as two:
        text = operator.get(CALLS).content.decode()
    # No query for each row, and no history is counted beyond the cap of all lists.
    ProviderCall.objects.bulk_create([ProviderCall(**options, provider="groq", user=operator.user) for _ in range(9)])
    with CaptureQueriesContext(connection) as many:
        operator.get(CALLS)
    assert len(many) == len(two)
    assert all("LIMIT" in query["sql"] for query in many if "COUNT(" in query["sql"] and "ai_calls" in query["sql"])
    assert "400 + 40" in text and "$0.000084" in text and "750 ms" in text and "too_slow" in text
    assert "too_slow" not in operator.get(CALLS, {"provider": "groq"}).content.decode()
    assert "750 ms" not in operator.get(CALLS, {"outcome": "failed"}).content.decode()
    assert "750 ms" in operator.get(CALLS, {"window": "1h"}).content.decode()
    page = operator.get(f"{CALLS}{answered.pk}/change/").content.decode()
    assert operator.user.user_id in page and str(job.pk) in page and "$0.000084" in page


def test_an_empty_list_says_how_it_is_filled(operator):
    words = "None has been asked yet."
    assert words in operator.get(LIST).content.decode()
    ProviderState.objects.create(name="claude", last_answer_at=timezone.now())
    assert words not in operator.get(LIST).content.decode()
    assert "--autoscale" in operator.get("/admin/jobs/supervisor/").content.decode()
