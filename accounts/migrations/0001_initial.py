from pathlib import Path

import django.contrib.postgres.fields
import django.core.validators
import django.db.models.functions.datetime
from django.db import migrations, models

import accounts.uuid7
from accounts.migration_operations import LockTimeout, RunSQLFile

SQL = Path(__file__).parents[1] / "sql"


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("auth", "0012_alter_user_first_name_max_length"),
    ]

    operations = [
        LockTimeout(),
        migrations.RunSQL(
            "CREATE SCHEMA IF NOT EXISTS meta; CREATE SCHEMA IF NOT EXISTS analytics;",
            "DROP SCHEMA analytics; DROP SCHEMA meta;",
        ),
        RunSQLFile(SQL / "set_search_path.sql", (SQL / "reset_search_path.sql").read_text()),
        RunSQLFile(SQL / "ekiden_uuid7.sql", "DROP FUNCTION public.ekiden_uuid7()"),
        RunSQLFile(SQL / "update_timestamp.sql", "DROP FUNCTION meta.update_timestamp()"),
        migrations.CreateModel(
            name="Workspace",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        db_default=accounts.uuid7.DatabaseUUID7(),
                        default=accounts.uuid7.uuid7,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("name", models.CharField(max_length=128, unique=True)),
                (
                    "created_at",
                    models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False),
                ),
            ],
            options={
                "db_table": "workspaces",
                "ordering": ("name",),
            },
        ),
        migrations.CreateModel(
            name="User",
            fields=[
                ("last_login", models.DateTimeField(blank=True, null=True, verbose_name="last login")),
                (
                    "id",
                    models.UUIDField(
                        db_default=accounts.uuid7.DatabaseUUID7(),
                        default=accounts.uuid7.uuid7,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                (
                    "user_id",
                    models.CharField(
                        help_text="The name to log in with.",
                        max_length=128,
                        unique=True,
                        validators=[
                            django.core.validators.RegexValidator(
                                "\\A[\\w.@+:-]+\\Z", "Use letters, digits and . @ + : - _ only."
                            )
                        ],
                    ),
                ),
                ("password", models.CharField(db_default="!", max_length=128)),
                ("name", models.CharField(blank=True, db_default="", default="", max_length=256)),
                ("email", models.EmailField(blank=True, db_default="", default="", max_length=256)),
                (
                    "role",
                    models.CharField(
                        choices=[
                            ("user", "User"),
                            ("operator", "Operator"),
                            ("admin", "Administrator"),
                            ("worker", "Worker"),
                            ("viewer", "Viewer"),
                        ],
                        db_default="user",
                        default="user",
                        max_length=32,
                    ),
                ),
                ("is_active", models.BooleanField(db_default=True, default=True)),
                (
                    "rate_limit_per_minute",
                    models.IntegerField(
                        db_default=100,
                        default=100,
                        help_text="API requests a minute.",
                        validators=[django.core.validators.MinValueValidator(1)],
                    ),
                ),
                (
                    "allowed_languages",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=32),
                        blank=True,
                        help_text="Empty means every language.",
                        null=True,
                        size=None,
                    ),
                ),
                (
                    "api_key_hash",
                    models.CharField(blank=True, editable=False, max_length=128, null=True, unique=True),
                ),
                (
                    "api_key_hint",
                    models.CharField(blank=True, db_default="", default="", editable=False, max_length=4),
                ),
                ("api_key_issued_at", models.DateTimeField(blank=True, editable=False, null=True)),
                ("api_key_last_used_at", models.DateTimeField(blank=True, editable=False, null=True)),
                (
                    "retired_api_key_hash",
                    models.CharField(blank=True, editable=False, max_length=128, null=True, unique=True),
                ),
                ("retired_api_key_expires_at", models.DateTimeField(blank=True, editable=False, null=True)),
                ("last_active_at", models.DateTimeField(blank=True, editable=False, null=True)),
                (
                    "created_at",
                    models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False),
                ),
                (
                    "updated_at",
                    models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False),
                ),
                (
                    "groups",
                    models.ManyToManyField(
                        blank=True,
                        help_text="The groups this user belongs to. A user will get all permissions granted to each of "
                        "their groups.",
                        related_name="user_set",
                        related_query_name="user",
                        to="auth.group",
                        verbose_name="groups",
                    ),
                ),
                (
                    "user_permissions",
                    models.ManyToManyField(
                        blank=True,
                        help_text="Specific permissions for this user.",
                        related_name="user_set",
                        related_query_name="user",
                        to="auth.permission",
                        verbose_name="user permissions",
                    ),
                ),
            ],
            options={
                "db_table": "users",
                "ordering": ("user_id",),
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("role__in", ["user", "operator", "admin", "worker", "viewer"])),
                        name="users_role_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("rate_limit_per_minute__gt", 0)), name="users_rate_limit_positive"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                ("retired_api_key_expires_at__isnull", True),
                                ("retired_api_key_hash__isnull", True),
                            ),
                            models.Q(
                                ("retired_api_key_expires_at__isnull", False),
                                ("retired_api_key_hash__isnull", False),
                            ),
                            _connector="OR",
                        ),
                        name="users_retired_key_expires",
                    ),
                ],
            },
        ),
        # Created by Django in public, where it puts every table; only then moved to where the data model wants them.
        *(
            migrations.RunSQL(
                f"ALTER TABLE public.{table} SET SCHEMA meta", f"ALTER TABLE meta.{table} SET SCHEMA public"
            )
            for table in ("users", "users_groups", "users_user_permissions")
        ),
        migrations.RunSQL(
            # To be seen is no change of the account, so it leaves updated_at alone.
            "CREATE TRIGGER update_users_timestamp BEFORE UPDATE ON meta.users FOR EACH ROW "
            "WHEN (OLD.last_active_at IS NOT DISTINCT FROM NEW.last_active_at "
            "AND OLD.last_login IS NOT DISTINCT FROM NEW.last_login) "
            "EXECUTE FUNCTION meta.update_timestamp()",
            "DROP TRIGGER update_users_timestamp ON meta.users",
        ),
        LockTimeout(),
    ]
