"""On whose behalf a transaction works: what the database's row-level security goes by."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from django.db import DEFAULT_DB_ALIAS, connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper


@dataclass(frozen=True, slots=True)
class Actor:
    """What the policies are told of whoever asks."""

    user_id: str = ""
    pk: UUID | None = None
    role: str = ""


NOBODY: Final = Actor()
#: Work of the program itself, for no user in particular.
SYSTEM: Final = Actor(role="system")


@contextmanager
def acting_as(user: Any, using: str | None = None) -> Iterator[None]:
    """Run the block in a transaction that sees what the user may see; one who is not logged in sees nothing.

    Nested, it is a savepoint, and the outer actor is back at its end. Answers that read lazily must be read inside.

        with acting_as(request.user):
            jobs = list(Job.objects.all())
    """
    actor = Actor(user.user_id, user.pk, user.role) if getattr(user, "is_authenticated", False) else NOBODY
    with _acting(actor, using):
        yield


@contextmanager
def acting_as_system(using: str | None = None) -> Iterator[None]:
    """Run the block in a transaction that sees every row: for threads, probes and whatever serves no user."""
    with _acting(SYSTEM, using):
        yield


@contextmanager
def _acting(actor: Actor, using: str | None) -> Iterator[None]:
    connection = connections[using or DEFAULT_DB_ALIAS]
    outer = _actor(connection)
    if actor == outer != NOBODY:
        with transaction.atomic(using=connection.alias):
            yield
        return
    with transaction.atomic(using=connection.alias):
        _become(actor, connection)
        try:
            yield
        finally:
            connection._ekiden_actor = outer  # type: ignore[attr-defined]
        # An error, or a rollback that was asked for, takes the settings back with the savepoint.
        if _nested(connection) and not connection.needs_rollback:
            _become(outer, connection)


def _actor(connection: BaseDatabaseWrapper) -> Actor:
    # What was left by a transaction that a lost connection ended says nothing of the next one.
    found: Actor = getattr(connection, "_ekiden_actor", NOBODY) if connection.in_atomic_block else NOBODY
    return found


def _nested(connection: BaseDatabaseWrapper) -> bool:
    return bool(connection.savepoint_ids)


def _become(actor: Actor, connection: BaseDatabaseWrapper) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT public.act_as(%s, %s, %s)", [actor.user_id, actor.pk, actor.role])
    connection._ekiden_actor = actor  # type: ignore[attr-defined]
