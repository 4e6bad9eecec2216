from django.contrib.postgres.operations import AddIndexConcurrently, RemoveIndexConcurrently, ValidateConstraint
from django.db import migrations, models


class Migration(migrations.Migration):
    """Jobs that have been started once cannot expire: the index of those that can leaves them out."""

    atomic = False

    dependencies = [
        ("jobs", "0013_limits"),
    ]

    operations = [
        ValidateConstraint("job", "job_limit_positive"),
        ValidateConstraint("job", "job_rate_readable"),
        RemoveIndexConcurrently(model_name="job", name="job_expiry"),
        AddIndexConcurrently(
            model_name="job",
            index=models.Index(
                models.F("expires_at"),
                condition=models.Q(("attempt", 0), ("expires_at__isnull", False), ("status", "pending")),
                name="job_expiry",
            ),
        ),
    ]
