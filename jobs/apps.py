from django.apps import AppConfig
from django.db.models.signals import post_migrate


class JobsConfig(AppConfig):
    """The queue: models, enqueue, worker, API and admin."""

    name = "jobs"
    verbose_name = "Jobs"

    def ready(self) -> None:
        from jobs import (
            checks,  # noqa: F401 - registers the system checks
            conf,
            crash_points,
        )
        from jobs.chores import chore
        from jobs.registry import registry
        from jobs.sessions import tidy as tidy_sessions
        from jobs.synchronizing import synchronize_migrated

        crash_points.arm(conf.crash_point())
        registry.discover()
        chore("sessions", 60.0, tidy_sessions)
        post_migrate.connect(synchronize_migrated, sender=self)
