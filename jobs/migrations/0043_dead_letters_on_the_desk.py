from django.contrib.postgres.operations import AddIndexConcurrently, RemoveIndexConcurrently, ValidateConstraint
from django.db import migrations, models

from accounts.online_migrations import BackfillInBatches

_ON = "ON job_dead_letter_queue (original_job_id)"


class Migration(migrations.Migration):
    """The desk's indexes anew, beside what goes on: they are of open and of triaged letters now."""

    atomic = False

    dependencies = [
        ("jobs", "0042_dead_letter_states"),
    ]

    operations = [
        ValidateConstraint("deadletter", "dead_letter_resolution_known"),
        ValidateConstraint("deadletter", "dead_letter_settled_has_time"),
        ValidateConstraint("deadletter", "dead_letter_ignored_has_end"),
        ValidateConstraint("deadletter", "dead_letter_outcome_of_redrive"),
        migrations.SeparateDatabaseAndState(
            database_operations=[
                migrations.RunSQL(
                    f"CREATE UNIQUE INDEX CONCURRENTLY dead_letter_one_live_per_job {_ON}"
                    " WHERE resolution_status IN ('open', 'triaged', 'ignored')",
                    "DROP INDEX CONCURRENTLY dead_letter_one_live_per_job",
                ),
                migrations.RunSQL(
                    "DROP INDEX CONCURRENTLY dead_letter_one_open_per_job",
                    f"CREATE UNIQUE INDEX CONCURRENTLY dead_letter_one_open_per_job {_ON}"
                    " WHERE resolution_status = 'open'",
                ),
            ],
            state_operations=[
                migrations.RemoveConstraint(
                    model_name="deadletter",
                    name="dead_letter_one_open_per_job",
                ),
                migrations.AddConstraint(
                    model_name="deadletter",
                    constraint=models.UniqueConstraint(
                        condition=models.Q(("resolution_status__in", ("open", "triaged", "ignored"))),
                        fields=("original_job",),
                        name="dead_letter_one_live_per_job",
                    ),
                ),
            ],
        ),
        AddIndexConcurrently(
            model_name="deadletter",
            index=models.Index(
                models.OrderBy(models.F("id"), descending=True),
                condition=models.Q(("resolution_status__in", ("open", "triaged"))),
                name="dead_letter_waiting",
            ),
        ),
        AddIndexConcurrently(
            model_name="deadletter",
            index=models.Index(
                models.F("job_type"),
                models.OrderBy(models.F("id"), descending=True),
                condition=models.Q(("resolution_status__in", ("open", "triaged"))),
                name="dead_letter_waiting_type",
            ),
        ),
        AddIndexConcurrently(
            model_name="deadletter",
            index=models.Index(
                models.F("error_fingerprint"),
                models.OrderBy(models.F("id"), descending=True),
                condition=models.Q(("resolution_status__in", ("open", "triaged"))),
                name="dead_letter_waiting_group",
            ),
        ),
        AddIndexConcurrently(
            model_name="deadletter",
            index=models.Index(
                models.F("queue"),
                models.OrderBy(models.F("id"), descending=True),
                condition=models.Q(("resolution_status__in", ("open", "triaged"))),
                name="dead_letter_waiting_queue",
            ),
        ),
        AddIndexConcurrently(
            model_name="deadletter",
            index=models.Index(
                models.F("assignee"),
                models.OrderBy(models.F("id"), descending=True),
                condition=models.Q(("resolution_status__in", ("open", "triaged")), ("assignee__isnull", False)),
                name="dead_letter_assigned",
            ),
        ),
        AddIndexConcurrently(
            model_name="deadletter",
            index=models.Index(
                models.F("ignored_until"),
                condition=models.Q(("resolution_status", "ignored")),
                name="dead_letter_ignored",
            ),
        ),
        RemoveIndexConcurrently(
            model_name="deadletter",
            name="dead_letter_open_type",
        ),
        RemoveIndexConcurrently(
            model_name="deadletter",
            name="dead_letter_open",
        ),
        # The older ones that are settled stay without: nobody looks for those by their queue.
        BackfillInBatches(
            "job_dead_letter_queue",
            "queue = (SELECT j.queue FROM job_queue j WHERE j.id = original_job_id)",
            where="queue = '' AND resolution_status = 'open'",
        ),
    ]
