"""Guessing passwords and codes: after a few failures one has to wait, each time twice as long.

Failures are counted by name and network together, so that nobody locks an owner out from elsewhere; and by network
alone, so that nobody goes through many names. They are rows of PostgreSQL: all web processes know them, also after a
restart.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from django.db.models.functions import Now
from django.http import HttpRequest

from accounts.auditing import audit
from accounts.models import LoginLock
from accounts.rate_limits import client_network
from accounts.row_security import acting_as_system


@dataclass(frozen=True, slots=True)
class Rule:
    #: The failure that has to be waited after; each further one doubles the wait.
    allowed: int
    first_wait: timedelta
    longest_wait: timedelta
    #: Failures count no more after so long without one.
    forgotten_after: timedelta


OF_NAME: Final = Rule(5, timedelta(minutes=1), timedelta(hours=1), timedelta(days=1))
OF_NETWORK: Final = Rule(50, timedelta(minutes=1), timedelta(hours=1), timedelta(hours=1))


class LoginLocked(Exception):
    """There were too many failures: wait."""

    def __init__(self, until: datetime) -> None:
        self.until = until
        super().__init__(f"Locked until {until:%Y-%m-%d %H:%M:%S} UTC.")


def locked_until(request: HttpRequest, name: str) -> datetime | None:
    """Say how long this name has to wait from where the request comes, None if it need not."""
    with acting_as_system():
        locks = LoginLock.objects.filter(pk__in=[key for key, *_rest in _keys(request, name)])
        ends = locks.filter(locked_until__gt=Now()).values_list("locked_until", flat=True)
        return ends.order_by("-locked_until").first()


def count_attempt(request: HttpRequest, name: str) -> None:
    """Count an attempt before it is looked at, so that many at once get no further than one after the other.

    Raises LoginLocked. Whoever comes in calls `forget`.
    """
    if until := locked_until(request, name):
        raise LoginLocked(until)
    with acting_as_system():
        for key, of_name, network, rule in _keys(request, name):
            LoginLock.objects.get_or_create(key=key, defaults={"name": of_name, "network": network})
            lock = LoginLock.objects.select_for_update().annotate(present=Now()).get(key=key)
            if lock.locked_until and lock.locked_until > lock.present:
                raise LoginLocked(lock.locked_until)
            _add(lock, rule)


def note_failure(request: HttpRequest, name: str) -> None:
    """Write into the audit log that somebody has to wait from now on, if it is so."""
    with acting_as_system():
        for key, *_rest in _keys(request, name):
            lock = LoginLock.objects.filter(pk=key, locked_until__gt=Now()).first()
            if lock is not None:
                audit(None, "lock out", lock, failures=lock.failures, until=lock.locked_until)


def forget(request: HttpRequest, name: str) -> None:
    """Take back the attempt of somebody who has come in, and the failures of that name before it."""
    own, network = _keys(request, name)
    with acting_as_system():
        LoginLock.objects.filter(pk=own[0]).delete()
        lock = LoginLock.objects.select_for_update().filter(pk=network[0]).first()
        if lock is not None:
            if lock.failures <= 1:
                lock.delete()
                return
            lock.failures -= 1
            lock.locked_until = lock.locked_until if lock.failures >= OF_NETWORK.allowed else None
            lock.save(update_fields=["failures", "locked_until"])


def lift(pk: str, actor: Any, reason: str = "") -> None:
    """Let this name or network try again at once; raises LoginLock.DoesNotExist."""
    lock = LoginLock.objects.select_for_update().get(pk=pk)
    audit(actor, "lift lock", lock, reason, failures=lock.failures, until=lock.locked_until)
    lock.delete()


def prune() -> int:
    """Delete what counts no more; return how many."""
    return LoginLock.objects.filter(last_failed_at__lt=Now() - OF_NAME.forgotten_after).delete()[0]


def _add(lock: Any, rule: Rule) -> None:
    if lock.last_failed_at and lock.present - lock.last_failed_at > rule.forgotten_after:
        lock.failures = 0
    lock.failures += 1
    lock.last_failed_at = lock.present
    beyond = lock.failures - rule.allowed
    # Far enough for the longest wait; further powers of two are no times any more.
    wait = min(rule.longest_wait, rule.first_wait * 2 ** min(beyond, 20)) if beyond >= 0 else None
    lock.locked_until = lock.present + wait if wait else None
    lock.save(update_fields=["failures", "last_failed_at", "locked_until"])


def _keys(request: HttpRequest, name: str) -> list[tuple[str, str, str, Rule]]:
    network = client_network(request)
    # Hashed, because a name that somebody makes up can be of any length and of any characters.
    hashed = hashlib.sha256(name.encode(errors="replace")).hexdigest()[:32]
    shown = name.replace("\x00", "").encode(errors="replace").decode()[:128]
    return [(f"{network} {hashed}", shown, network, OF_NAME), (network, "", network, OF_NETWORK)]
