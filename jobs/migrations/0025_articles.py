import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import accounts.uuid7
import jobs.models.columns
from accounts.migration_operations import LockTimeout
from accounts.row_policies import CURRENT_USER_PK, RowSecurity

OWN = {"user_own": f"USING (user_id = {CURRENT_USER_PK})"}


class Migration(migrations.Migration):
    dependencies = [
        ("jobs", "0024_unfinished_of_schedules"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        LockTimeout(),
        migrations.CreateModel(
            name="Article",
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
                ("url", models.TextField(blank=True, db_default="", default="")),
                ("resolved_url", models.TextField(blank=True, db_default="", default="")),
                ("html", models.TextField(blank=True, null=True)),
                ("preferences", models.JSONField(blank=True, db_default=jobs.models.columns.EmptyJson(), default=dict)),
                (
                    "stage",
                    models.TextField(
                        choices=[
                            ("submitted", "Submitted"),
                            ("extracted", "Text found"),
                            ("summarized", "Summarized"),
                            ("validated", "Summary accepted"),
                            ("spoken", "Podcast made"),
                        ],
                        db_default="submitted",
                        default="submitted",
                    ),
                ),
                ("title", models.TextField(blank=True, db_default="", default="")),
                ("author", models.TextField(blank=True, db_default="", default="")),
                ("published", models.TextField(blank=True, db_default="", default="")),
                ("language", models.TextField(blank=True, db_default="", default="")),
                ("text", models.TextField(blank=True, db_default="", default="")),
                ("characters", models.IntegerField(db_default=0, default=0)),
                ("is_deleted", models.BooleanField(db_default=False, default=False)),
                ("created_at", models.DateTimeField(db_default=jobs.models.columns.ClockTimestamp(), editable=False)),
                ("updated_at", models.DateTimeField(db_default=jobs.models.columns.ClockTimestamp(), editable=False)),
                ("version", models.BigIntegerField(db_default=1, default=1, editable=False)),
                (
                    "batch",
                    models.ForeignKey(
                        blank=True,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to="jobs.batch",
                    ),
                ),
                (
                    "user",
                    models.ForeignKey(
                        blank=True,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "db_table": "articles",
                "ordering": ["-id"],
            },
        ),
        migrations.CreateModel(
            name="Podcast",
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
                ("script", models.TextField()),
                ("language", models.TextField(blank=True, db_default="", default="")),
                ("audio", models.FileField(max_length=200, upload_to="podcasts/%Y/%m")),
                ("content_type", models.TextField()),
                ("size_bytes", models.BigIntegerField()),
                ("duration_seconds", models.FloatField()),
                ("engine", models.TextField()),
                ("voice", models.TextField(blank=True, db_default="", default="")),
                ("job_id", models.UUIDField(unique=True)),
                ("created_at", models.DateTimeField(db_default=jobs.models.columns.ClockTimestamp(), editable=False)),
                (
                    "article",
                    models.ForeignKey(
                        blank=True,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="podcasts",
                        to="jobs.article",
                    ),
                ),
                (
                    "user",
                    models.ForeignKey(
                        blank=True,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "db_table": "article_podcasts",
                "ordering": ["-id"],
            },
        ),
        migrations.CreateModel(
            name="Summary",
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
                ("text", models.TextField()),
                ("language", models.TextField(blank=True, db_default="", default="")),
                ("length", models.TextField(db_default="medium", default="medium")),
                ("provider", models.TextField()),
                ("model", models.TextField(blank=True, db_default="", default="")),
                ("accepted", models.BooleanField(null=True)),
                ("reasons", models.JSONField(blank=True, default=list)),
                ("input_tokens", models.IntegerField(db_default=0, default=0)),
                ("output_tokens", models.IntegerField(db_default=0, default=0)),
                ("cost", models.DecimalField(db_default=0, decimal_places=6, default=0, max_digits=12)),
                ("job_id", models.UUIDField(blank=True, null=True)),
                ("created_at", models.DateTimeField(db_default=jobs.models.columns.ClockTimestamp(), editable=False)),
                (
                    "article",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="summaries",
                        to="jobs.article",
                    ),
                ),
                (
                    "user",
                    models.ForeignKey(
                        blank=True,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "verbose_name_plural": "summaries",
                "db_table": "article_summaries",
                "ordering": ["-id"],
            },
        ),
        migrations.AddIndex(
            model_name="article",
            index=models.Index(
                models.F("user"),
                models.OrderBy(models.F("id"), descending=True),
                condition=models.Q(("is_deleted", False)),
                name="article_owner",
            ),
        ),
        migrations.AddConstraint(
            model_name="article",
            constraint=models.CheckConstraint(
                condition=models.Q(("stage__in", ["submitted", "extracted", "summarized", "validated", "spoken"])),
                name="article_stage_valid",
            ),
        ),
        migrations.AddConstraint(
            model_name="article",
            constraint=models.CheckConstraint(
                condition=models.Q(("stage", "submitted"), models.Q(("text", ""), _negated=True), _connector="OR"),
                name="article_has_text_when_extracted",
            ),
        ),
        migrations.AddIndex(
            model_name="podcast",
            index=models.Index(
                models.F("article"), models.OrderBy(models.F("id"), descending=True), name="podcast_of_article"
            ),
        ),
        migrations.AddIndex(
            model_name="summary",
            index=models.Index(
                models.F("article"), models.OrderBy(models.F("id"), descending=True), name="summary_of_article"
            ),
        ),
        migrations.AddConstraint(
            model_name="summary",
            constraint=models.UniqueConstraint(
                condition=models.Q(("accepted", True)), fields=("article",), name="summary_accepted_once"
            ),
        ),
        RowSecurity("public.articles", OWN),
        RowSecurity("public.article_summaries", OWN),
        RowSecurity("public.article_podcasts", OWN),
        migrations.RunSQL(
            "CREATE TRIGGER touch_article BEFORE UPDATE ON articles FOR EACH ROW EXECUTE FUNCTION touch_row()",
            "DROP TRIGGER touch_article ON articles",
        ),
        LockTimeout(),
    ]
