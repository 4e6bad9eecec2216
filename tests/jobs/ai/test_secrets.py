"""Keys and pages are in requests and nowhere else; and each role sees no more than it has to."""

import logging
import traceback
from typing import Any

import psycopg
import pytest
from django.core.management import call_command
from django.db import connection

from config.roles.declared import APP, WORKER
from jobs.ai.chain import MODELS
from jobs.ai.failures import ProviderError
from jobs.ai.providers import Preferences
from jobs.ai.summaries import generate_summary
from jobs.models import ProviderCall, ProviderState
from jobs.scrubbing import REDACTED, scrub_text
from tests.ai_server import AiServer, drips, fails, resets, says, sends
from tests.database_roles import parameters, working_as
from tests.factories import UserFactory
from tests.jobs.ai.conftest import CLAUDE_KEY, GROQ_KEY

PAGE = "A page about CANARYWORD and its sash."
TABLES = ("ai_calls", "ai_providers", "ai_provider_days", "ai_daily_spend", "ai_call_slots", "rate_limit_windows")


@pytest.mark.django_db
@pytest.mark.parametrize(
    "answer",
    [
        says("CANARYWORD is a sash."),
        says(f"<b>CANARYWORD {GROQ_KEY}"),
        fails(400, words=f"CANARYWORD {GROQ_KEY} {CLAUDE_KEY}"),
        fails(401, words=f"Invalid API key {GROQ_KEY}"),
        sends(b"CANARYWORD"),
        resets,
        drips,
    ],
)
def test_keys_and_pages_are_written_down_nowhere(
    ai: AiServer, settings: Any, caplog: pytest.LogCaptureFixture, answer: Any
) -> None:
    settings.AI_REQUEST_TIMEOUT = 0.2
    ai.groq = ai.claude = [answer]
    errors = []
    with caplog.at_level(logging.DEBUG):
        generate_summary(PAGE, Preferences(), user_id=None, job_id=None, deadline=20, title="CANARYWORD")
        ProviderState.objects.all().delete()
        for model in MODELS.values():
            try:
                model().generate_summary(PAGE, Preferences())
            except ProviderError as error:
                errors.append("".join(traceback.format_exception(error)))
    for name in ("groq", "anthropic", "httpx", "httpx2"):
        assert not logging.getLogger(name).isEnabledFor(logging.INFO)
    with connection.cursor() as cursor:
        kept = []
        for table in TABLES:
            cursor.execute(f"SELECT t::text FROM {table} t")
            kept += [row for (row,) in cursor.fetchall()]
    logged = [record.getMessage() + str(record.__dict__) for record in caplog.records]
    assert kept and any("provider called" in line for line in logged)
    for text in [*errors, *kept, *logged]:
        assert "CANARYWORD" not in text and GROQ_KEY not in text and CLAUDE_KEY not in text


def test_keys_are_taken_for_secrets_wherever_they_stand() -> None:
    for key in (GROQ_KEY, CLAUDE_KEY):
        assert scrub_text(f"it was {key} then") == f"it was {REDACTED} then"


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("database_roles")
def test_workers_may_do_all_of_it_and_users_see_their_own(ai: AiServer) -> None:
    ada, bob = UserFactory(user_id="ada"), UserFactory(user_id="bob")
    ai.groq = [fails(500), says("Fine."), says("Fine.")]
    with working_as(WORKER):
        for user in (ada, bob):
            generate_summary(PAGE, Preferences(), user_id=user.pk, job_id=None, deadline=20)
    assert ProviderCall.objects.count() == 3
    with psycopg.connect(**parameters(user=APP)) as app:
        for role, pk, seen in (("user", ada.pk, 2), ("user", bob.pk, 1), ("operator", ada.pk, 3), ("", None, 0)):
            with app.transaction():
                app.execute("SELECT act_as(%s, %s, %s)", ["x" if pk else "", pk, role])
                assert app.execute("SELECT count(*) FROM ai_calls").fetchone() == (seen,)
        for statement in ("UPDATE ai_daily_spend SET amount = 0", "DELETE FROM ai_calls", "DELETE FROM ai_providers"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege), app.transaction():
                app.execute("SELECT act_as('ada', %s, 'user')", [ada.pk])
                app.execute(statement)


def test_a_missing_client_and_an_open_address_are_told(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from jobs.ai.checks import check_addresses, check_clients

    settings.GROQ_API_KEY, settings.ANTHROPIC_API_KEY = GROQ_KEY, ""
    assert check_clients() == [] == check_addresses()
    settings.GROQ_BASE_URL = "http://models.example.org/v1"
    (address,) = check_addresses()
    monkeypatch.setattr("jobs.ai.checks.find_spec", lambda package: None)
    (client,) = check_clients()
    assert "GROQ_BASE_URL" in str(address.msg) and "package groq is missing" in str(client.msg)
    assert GROQ_KEY not in str(address) + str(client)
    settings.GROQ_BASE_URL = "http://localhost:8000/v1"
    assert check_addresses() == []
    call_command("check")
