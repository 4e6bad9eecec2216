from typing import ClassVar, Self

from django.conf import settings
from django.db import connections, models
from django.db.models import Case, Q, Value, When
from django.db.models.functions import Now

from jobs.models.columns import ClockTimestamp, uuid7
from jobs.statuses import SessionStatus


def new_request_id() -> str:
    """Make an id for a session; ids sort by the time they were made."""
    return str(uuid7())


class SessionQuerySet(models.QuerySet["Session"]):
    def owned_by(self, user: models.Model) -> Self:
        return self.filter(user_id=user.user_id)  # type: ignore[attr-defined]

    def live(self) -> Self:
        """Keep what may be executed now, by the database's clock."""
        return self.filter(status=Session.Status.ACTIVE, expires_at__gt=ClockTimestamp())

    def with_condition(self) -> Self:
        """Annotate the status as it really is: a session is expired from its end on, marked or not."""
        ended = When(status=Session.Status.ACTIVE, expires_at__lte=Now(), then=Value(Session.Status.EXPIRED.value))
        return self.annotate(condition=Case(ended, default="status", output_field=models.CharField()))

    def in_condition(self, condition: str) -> Self:
        """Keep those whose status really is this one; written out, so that indexes answer."""
        active = Q(status=Session.Status.ACTIVE)
        if condition == Session.Status.ACTIVE:
            return self.filter(active, expires_at__gt=Now())
        if condition == Session.Status.EXPIRED:
            return self.filter(Q(status=Session.Status.EXPIRED) | active & Q(expires_at__lte=Now()))
        return self.filter(status=condition)

    def cleanup_expired(self, limit: int | None = None) -> int:
        """Mark what is past its end as expired, at most so many of those that ended first; return how many."""
        return self._call("SELECT meta.cleanup_expired_sessions(%s)", [limit])

    def delete_old(self, days: int, limit: int | None = None) -> int:
        """Delete what ended so many days ago; return how many."""
        return self._call("SELECT meta.delete_old_sessions(%s, %s)", [days, limit])

    def _call(self, sql: str, parameters: list[int | None]) -> int:
        with connections[self.db].cursor() as cursor:
            cursor.execute(sql, parameters)
            return int(cursor.fetchone()[0])


class Session(models.Model):
    """A two-phase function call: made once with a context, executed many times; lives in `meta.sessions`.

    A trigger keeps `execution_count` and `last_executed_at`: it counts one however much the count is raised.
    """

    Status = SessionStatus

    request_id = models.CharField(max_length=64, primary_key=True, default=new_request_id)
    language_title = models.CharField(max_length=128)
    # The index session_owned begins with this column.
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.CASCADE,
        to_field="user_id",
        null=True,
        blank=True,
        related_name="sessions",
        db_index=False,
    )
    created_at = models.DateTimeField(db_default=ClockTimestamp(), editable=False)
    expires_at = models.DateTimeField()
    last_executed_at = models.DateTimeField(null=True, blank=True)
    execution_count = models.IntegerField(default=0, db_default=0)
    status = models.CharField(max_length=16, choices=Status.choices, default=Status.ACTIVE, db_default="active")
    context = models.JSONField(null=True, blank=True)
    metadata = models.JSONField(null=True, blank=True)

    objects: ClassVar = SessionQuerySet.as_manager()

    #: The status as it really is, where `with_condition()` has read it.
    condition: str

    class Meta:
        db_table = "sessions"
        ordering: ClassVar = ["-request_id"]
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(status__in=["active", "closed", "expired"]), name="session_status_valid"
            ),
            models.CheckConstraint(condition=Q(execution_count__gte=0), name="session_count_positive"),
        ]
        indexes: ClassVar = [
            # What falls due for expiry; closed and expired sessions are not looked for by time.
            models.Index(fields=["expires_at"], condition=Q(status="active"), name="session_expiry"),
            # What is past its retention.
            models.Index(fields=["expires_at"], condition=~Q(status="active"), name="session_retention"),
            # A user's own, newest first.
            models.Index(fields=["user", "request_id"], name="session_owned"),
        ]

    def __str__(self) -> str:
        return self.request_id
