from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    """Letters that were decided on, by what was decided."""

    atomic = False

    dependencies = [
        ("jobs", "0044_audit_log_by_actor_and_action"),
    ]

    operations = [
        AddIndexConcurrently(
            model_name="deadletter",
            index=models.Index(
                models.F("resolution_status"),
                models.OrderBy(models.F("id"), descending=True),
                condition=models.Q(("resolution_status__in", ["discarded", "redriven", "resolved"])),
                name="dead_letter_decided",
            ),
        ),
    ]
