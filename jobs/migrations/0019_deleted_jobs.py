from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    """Deleted jobs are found to be restored, without a walk through all the others."""

    atomic = False

    dependencies = [
        ("jobs", "0018_followers"),
    ]

    operations = [
        AddIndexConcurrently(
            model_name="job",
            index=models.Index(
                models.OrderBy(models.F("id"), descending=True),
                condition=models.Q(("is_deleted", True)),
                name="job_deleted",
            ),
        ),
    ]
