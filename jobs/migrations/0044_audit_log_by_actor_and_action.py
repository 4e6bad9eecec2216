from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    """The audit log has a page with filters: newest first, of one actor or one kind of act."""

    atomic = False

    dependencies = [("jobs", "0043_dead_letters_on_the_desk")]

    operations = [
        AddIndexConcurrently("auditentry", models.Index(fields=["actor_name", "id"], name="audit_actor")),
        AddIndexConcurrently("auditentry", models.Index(fields=["action", "id"], name="audit_action")),
    ]
