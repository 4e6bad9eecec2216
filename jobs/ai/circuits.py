"""Whether a provider may be asked: one circuit breaker for each, shared by all processes in a row of ai_providers.

After some failures in a row the circuit is open and nobody asks. Later one call tries: its answer closes the circuit,
its failure opens it for longer. Times are the database's. Callers hold a transaction open, whose lock on the row orders
them; it lasts for as long as a few short statements, never during a call.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from django.db import transaction

from jobs.ai.failures import Limited, ProviderError, Refused, Skipped, Unavailable
from jobs.models import ProviderState
from jobs.models.audit import audit
from jobs.models.columns import ClockTimestamp

#: In a row, before the circuit opens.
FAILURES: Final = 5
#: Seconds that it is open at first, twice as long after each try that fails, and at the longest.
OPEN_FOR: Final = 30.0
OPEN_FOR_AT_MOST: Final = 900.0


@dataclass(frozen=True, slots=True)
class Admission:
    """Leave to ask a provider once."""

    provider: str
    #: The circuit was open: this call decides on it.
    probing: bool = False


def admit(provider: str, seconds: float) -> Admission:
    """Give leave for a call that takes so long at most; raises Skipped."""
    state, now = _locked(provider)
    if _later(state.limited_until, now):
        raise _skipped(provider, "limited", "wants to be left alone", state.limited_until, now)
    if state.open_until is None:
        return Admission(provider)
    if _later(state.open_until, now):
        raise _skipped(provider, "circuit_open", "has failed and is not asked", state.open_until, now)
    if _later(state.probe_until, now):
        raise _skipped(provider, "circuit_open", "is being tried by another job", state.probe_until, now)
    ProviderState.objects.filter(pk=provider).update(probe_until=now + timedelta(seconds=seconds), updated_at=now)
    return Admission(provider, probing=True)


def learn(admission: Admission, error: ProviderError | None) -> None:
    """Note what became of a call."""
    state, now = _locked(admission.provider)
    changes: dict[str, Any] = {"updated_at": now}
    if admission.probing:
        changes["probe_until"] = None
    if error is not None:
        changes |= {"last_error_code": error.code, "last_error_at": now}
    if isinstance(error, Limited):
        wait = now + timedelta(seconds=error.retry_after)
        changes["limited_until"] = max(wait, state.limited_until or wait)
    elif isinstance(error, Unavailable) or (isinstance(error, Refused) and error.everything):
        changes |= _failed(state, admission, error, now)
    else:
        # Also when it refused this one request, or its text cannot be used: it is there, and answers.
        changes |= {"failures": 0, "trips": 0, "open_until": None, "last_answer_at": now}
    ProviderState.objects.filter(pk=admission.provider).update(**changes)


def reset(provider: str, actor: Any, reason: str = "") -> None:
    """Have a provider asked again at once, whatever is known of it; raises DoesNotExist."""
    with transaction.atomic():
        state = ProviderState.objects.select_for_update().get(pk=provider)
        known = ("failures", "trips", "open_until", "limited_until")
        audit(actor, "reset", state, reason, **{name: getattr(state, name) for name in known})
        ProviderState.objects.filter(pk=provider).update(
            failures=0, trips=0, open_until=None, probe_until=None, limited_until=None, updated_at=ClockTimestamp()
        )


def _failed(state: ProviderState, admission: Admission, error: ProviderError, now: datetime) -> dict[str, Any]:
    failures = state.failures + 1
    opens = admission.probing or failures >= FAILURES or isinstance(error, Refused)
    # A call from before the circuit opened says nothing new.
    if not opens or (state.open_until is not None and not admission.probing):
        return {"failures": failures}
    period = min(OPEN_FOR * 2 ** min(state.trips, 10), OPEN_FOR_AT_MOST)
    return {"failures": failures, "trips": state.trips + 1, "open_until": now + timedelta(seconds=period)}


def _locked(provider: str) -> tuple[ProviderState, datetime]:
    rows = ProviderState.objects.select_for_update().annotate(now=ClockTimestamp())
    state = rows.filter(pk=provider).first()
    if state is None:
        ProviderState.objects.bulk_create([ProviderState(name=provider)], ignore_conflicts=True)
        state = rows.get(pk=provider)
    return state, state.now


def _later(moment: datetime | None, now: datetime) -> bool:
    return moment is not None and moment > now


def _skipped(provider: str, code: str, why: str, until: datetime | None, now: datetime) -> Skipped:
    wait = (until - now).total_seconds() if until else 1.0
    return Skipped(code, f"The provider {provider} {why}.", retry_after=max(wait, 1.0))
