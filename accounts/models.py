from __future__ import annotations

from typing import Any, ClassVar

from django.conf import settings
from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.models import PermissionsMixin
from django.contrib.postgres.fields import ArrayField
from django.core.validators import MinValueValidator, RegexValidator
from django.db import models
from django.db.models.functions import Now

from accounts.roles import Role
from accounts.tiers import Tier
from accounts.uuid7 import DatabaseUUID7, uuid7

USER_ID_VALIDATOR = RegexValidator(r"\A[\w.@+:-]+\Z", "Use letters, digits and . @ + : - _ only.")


def default_rate_limit() -> int:
    """Give the requests a minute of new users; rows that come from psql have the column's own 100."""
    return int(getattr(settings, "RATE_LIMIT_REQUESTS_PER_MINUTE", 100))


class UserManager(BaseUserManager["User"]):
    def create_user(self, user_id: str, password: str | None = None, **fields: Any) -> User:
        """Create a user; without a password they can only come in with an API key."""
        user = self.model(user_id=user_id, **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, user_id: str, password: str | None = None, **fields: Any) -> User:
        return self.create_user(user_id, password, **{**fields, "role": Role.ADMIN})


class User(AbstractBaseUser, PermissionsMixin):
    """A person or a program with a role; lives in the table `meta.users`."""

    id = models.UUIDField(primary_key=True, default=uuid7, db_default=DatabaseUUID7(), editable=False)
    user_id = models.CharField(
        max_length=128,
        unique=True,
        validators=[USER_ID_VALIDATOR],
        help_text="The name to log in with.",
    )
    # Rows that come from psql have an unusable password rather than none.
    password = models.CharField(max_length=128, db_default="!")
    name = models.CharField(max_length=256, blank=True, default="", db_default="")
    email = models.EmailField(max_length=256, blank=True, default="", db_default="")
    role = models.CharField(max_length=32, choices=Role, default=Role.USER, db_default=Role.USER)
    tier = models.CharField(
        max_length=16,
        choices=Tier,
        default=Tier.STANDARD,
        db_default=Tier.STANDARD,
        help_text="How soon their jobs come: priorities of job types may go by it.",
    )
    is_active = models.BooleanField(default=True, db_default=True)
    rate_limit_per_minute = models.IntegerField(
        default=default_rate_limit,
        db_default=100,
        validators=[MinValueValidator(1)],
        help_text="API requests a minute.",
    )
    allowed_languages = ArrayField(
        models.CharField(max_length=32), null=True, blank=True, help_text="Empty means every language."
    )

    # A rotation leaves the old key alive until its end, so that clients can change over: two live keys at most.
    api_key_hash = models.CharField(max_length=128, unique=True, null=True, blank=True, editable=False)
    api_key_hint = models.CharField(max_length=4, blank=True, default="", db_default="", editable=False)
    api_key_issued_at = models.DateTimeField(null=True, blank=True, editable=False)
    api_key_expires_at = models.DateTimeField(
        null=True, blank=True, help_text="When the API key ends; empty means never."
    )
    api_key_last_used_at = models.DateTimeField(null=True, blank=True, editable=False)
    retired_api_key_hash = models.CharField(max_length=128, unique=True, null=True, blank=True, editable=False)
    retired_api_key_expires_at = models.DateTimeField(null=True, blank=True, editable=False)

    # How the console speaks to this person; empty leaves it to the browser.
    language = models.CharField(max_length=8, blank=True, default="", db_default="", editable=False)
    time_zone = models.CharField(max_length=64, blank=True, default="", db_default="", editable=False)

    last_active_at = models.DateTimeField(null=True, blank=True, editable=False)
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    # A trigger keeps this one, whoever writes.
    updated_at = models.DateTimeField(db_default=Now(), editable=False)

    objects: ClassVar[UserManager] = UserManager()

    USERNAME_FIELD = "user_id"
    EMAIL_FIELD = "email"

    class Meta:
        db_table = "users"
        ordering = ("user_id",)
        constraints = (
            models.CheckConstraint(condition=models.Q(role__in=Role.values), name="users_role_known"),
            models.CheckConstraint(condition=models.Q(tier__in=Tier.values), name="users_tier_known"),
            models.CheckConstraint(condition=models.Q(rate_limit_per_minute__gt=0), name="users_rate_limit_positive"),
            models.CheckConstraint(
                condition=models.Q(retired_api_key_hash__isnull=True, retired_api_key_expires_at__isnull=True)
                | models.Q(retired_api_key_hash__isnull=False, retired_api_key_expires_at__isnull=False),
                name="users_retired_key_expires",
            ),
        )
        # Workers read at every heartbeat who is kept from their language: most users have no list of languages.
        indexes = (
            models.Index(fields=("id",), condition=models.Q(allowed_languages__isnull=False), name="users_restricted"),
        )

    def __str__(self) -> str:
        return self.user_id

    @property
    def is_staff(self) -> bool:
        """Whether the user may log in to the admin."""
        return Role(self.role).is_staff

    # The role decides, so PermissionsMixin's column of this name does not exist.
    @property
    def is_superuser(self) -> bool:  # type: ignore[override]
        return self.role == Role.ADMIN

    def has_perm(self, perm: str, obj: Any = None) -> bool:
        """Grant what the role grants, and beyond that what groups grant."""
        return (self.is_active and Role(self.role).grants(perm)) or super().has_perm(perm, obj)

    def has_module_perms(self, app_label: str) -> bool:
        return (self.is_active and self.is_staff) or super().has_module_perms(app_label)


class Workspace(models.Model):
    """A named group of jobs that belong together."""

    id = models.UUIDField(primary_key=True, default=uuid7, db_default=DatabaseUUID7(), editable=False)
    name = models.CharField(max_length=128, unique=True)
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        db_table = "workspaces"
        ordering = ("name",)

    def __str__(self) -> str:
        return self.name


class RateLimitWindow(models.Model):
    """The last minute of one key, a count per second, and what it owes; only the SQL spend_rate_limit() writes it.

    The table is UNLOGGED: after a crash of the database everyone starts with a full allowance.
    """

    key = models.CharField(max_length=128, primary_key=True)
    slot = models.BigIntegerField()
    counts = ArrayField(models.IntegerField())
    #: Requests above the average that the limit allows; a burst is lent and paid back.
    debt = models.FloatField(db_default=0.0)
    # What the last request was told: RETURNING cannot see the row as it was before.
    accepted = models.BooleanField()
    touched_at = models.DateTimeField()

    class Meta:
        db_table = "rate_limit_windows"

    def __str__(self) -> str:
        return self.key


class LoginLock(models.Model):
    """Failed logins of one name from one network, or of a network as a whole, and until when it has to wait."""

    #: The network, and a hash of the name if there is one.
    key = models.CharField(max_length=128, primary_key=True)
    #: What was typed; "" is the network as a whole.
    name = models.CharField(max_length=128, blank=True, default="", db_default="")
    network = models.CharField(max_length=64)
    failures = models.PositiveIntegerField(default=0, db_default=0)
    last_failed_at = models.DateTimeField(null=True, blank=True)
    locked_until = models.DateTimeField(null=True, blank=True)

    class Meta:
        db_table = "login_locks"
        ordering = ("-last_failed_at",)
        verbose_name = "lock-out"

    def __str__(self) -> str:
        return f"{self.name} from {self.network}" if self.name else self.network


class IdempotentRequest(models.Model):
    """The answer to a request that named an Idempotency-Key, written in the transaction that did the work."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    route = models.CharField(max_length=255)
    key = models.CharField(max_length=255)
    fingerprint = models.CharField(max_length=64)
    status = models.SmallIntegerField()
    headers = models.JSONField(default=dict)
    body = models.TextField()
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        db_table = "idempotent_requests"
        constraints = (models.UniqueConstraint(fields=("user", "route", "key"), name="idempotent_requests_once"),)
        # For the clean-up of those past their time.
        indexes = (models.Index(fields=("created_at",), name="idempotent_requests_age"),)

    def __str__(self) -> str:
        return f"{self.route} {self.key}"


class SchemaVersion(models.Model):
    """One migration that the database has had. Kept after every `migrate` by config.schema_version."""

    id = models.AutoField(primary_key=True)
    #: The app and the number, such as jobs.0005.
    version = models.CharField(max_length=32, unique=True)
    description = models.TextField()
    applied_at = models.DateTimeField(db_default=Now())
    applied_by = models.CharField(max_length=128)

    class Meta:
        db_table = "schema_version"
        ordering = ("applied_at", "id")

    def __str__(self) -> str:
        return self.version
