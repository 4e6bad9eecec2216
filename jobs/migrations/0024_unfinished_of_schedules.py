from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    """What firing a schedule asks for: the jobs of it that are not done."""

    atomic = False

    dependencies = [
        ("jobs", "0023_limits_from_sql"),
    ]

    operations = [
        AddIndexConcurrently(
            model_name="job",
            index=models.Index(
                models.F("schedule"),
                models.F("id"),
                condition=models.Q(("schedule__isnull", False), ("status__in", ["pending", "processing"])),
                name="job_schedule_unfinished",
            ),
        ),
    ]
