import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from types import MappingProxyType
from typing import Any, ClassVar, Final
from uuid import UUID

from django.conf import settings
from django.core.serializers.json import DjangoJSONEncoder
from django.db import connection, models

from jobs.models.columns import ClockTimestamp, EmptyJson, Uuid7, uuid7

#: What every entry of a block says beside its own details.
_beside: Final[ContextVar[Mapping[str, Any]]] = ContextVar("audit_beside", default=MappingProxyType({}))


class AuditEntry(models.Model):
    """Who did what to which job, dead letter or queue, when and why. A trigger refuses changes to it."""

    id = models.UUIDField(primary_key=True, default=uuid7, db_default=Uuid7(), editable=False)
    at = models.DateTimeField(db_default=ClockTimestamp())
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.DO_NOTHING, null=True, related_name="+", db_constraint=False, db_index=False
    )
    #: The actor's name as it was then.
    actor_name = models.TextField()
    action = models.TextField()
    target_type = models.TextField()
    target_id = models.TextField()
    reason = models.TextField(blank=True, db_default="", default="")
    details = models.JSONField(db_default=EmptyJson(), default=dict, encoder=DjangoJSONEncoder)

    class Meta:
        db_table = "job_audit_log"
        ordering: ClassVar = ["-id"]
        verbose_name_plural = "audit entries"
        indexes: ClassVar = [
            # The history shown beside one job or dead letter.
            models.Index(fields=["target_id", "id"], name="audit_target"),
            # The log's own page: of one person, and of one kind of act.
            models.Index(fields=["actor_name", "id"], name="audit_actor"),
            models.Index(fields=["action", "id"], name="audit_action"),
        ]

    def __str__(self) -> str:
        return f"{self.actor_name} {self.action} {self.target_type} {self.target_id}"


def audit(actor: Any, action: str, target: models.Model, reason: str = "", **details: Any) -> AuditEntry:
    """Record an act in the caller's transaction, so that neither stands without the other."""
    return AuditEntry.objects.create(**audit_fields(actor, action, target, reason, details))


# Objects of the ORM for thousands of rows would cost more than the acts themselves.
_MANY: Final = """
INSERT INTO job_audit_log (actor_id, actor_name, action, target_type, target_id, reason, details)
SELECT %s, %s, %s, %s, each.target_id, %s, each.details::jsonb
FROM unnest(%s::text[], %s::text[]) AS each (target_id, details)
"""


def audit_many(
    actor: Any,
    actor_name: str,
    action: str,
    model: type[models.Model],
    details: Mapping[UUID, Mapping[str, Any]],
    reason: str = "",
) -> None:
    """Record one act on many rows, an entry for each with its own details, in the caller's transaction."""
    if not details:
        return
    texts = [json.dumps(each, cls=DjangoJSONEncoder) for each in details.values()]
    kind = str(model._meta.verbose_name)
    with connection.cursor() as cursor:
        ids = [str(row_id) for row_id in details]
        cursor.execute(_MANY, [actor and actor.pk, actor_name, str(action), kind, reason, ids, texts])


@contextmanager
def telling(**details: Any) -> Iterator[None]:
    """Have what is recorded in the block say this as well, whoever records it."""
    token = _beside.set({**_beside.get(), **details})
    try:
        yield
    finally:
        _beside.reset(token)


def audit_fields(actor: Any, action: str, target: models.Model, reason: str, details: dict[str, Any]) -> dict[str, Any]:
    name = target._meta.verbose_name
    return {
        "actor": actor,
        "actor_name": str(actor) if actor else "system",
        "action": action,
        "target_type": str(name),
        "target_id": str(target.pk),
        "reason": reason,
        "details": {**_beside.get(), **details},
    }
