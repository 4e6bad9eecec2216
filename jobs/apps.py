from importlib.util import find_spec
from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.db.models.signals import post_migrate


class JobsConfig(AppConfig):
    """The queue: models, enqueue, worker, API and admin."""

    name = "jobs"
    verbose_name = "Jobs"

    def ready(self) -> None:
        from accounts import auditing
        from jobs import (
            checks,  # noqa: F401 - registers the system checks
            conf,
            crash_points,
            dead_letter_groups,
            retention,
            sampling,
        )
        from jobs.ai import checks as checks_of_providers  # noqa: F401 - registers theirs
        from jobs.ai import tidying
        from jobs.bulk import keeping
        from jobs.chores import chore
        from jobs.models.audit import audit
        from jobs.pipeline import purging
        from jobs.registry import registry
        from jobs.scheduling.synchronizing import synchronize_migrated as synchronize_schedules
        from jobs.sessions import tidy as tidy_sessions
        from jobs.similarity import index
        from jobs.speech import files
        from jobs.synchronizing import synchronize_migrated
        from jobs.webhooks import tidying as webhooks

        auditing.write_to(audit)
        crash_points.arm(conf.crash_point())
        registry.discover()
        registry.finders.append(_find_task)
        chore("sessions", 60.0, tidy_sessions)
        chore(dead_letter_groups.CHORE, dead_letter_groups.INTERVAL, dead_letter_groups.tidy)
        chore(keeping.CHORE, keeping.INTERVAL, keeping.tidy)
        chore(retention.CHORE, retention.INTERVAL, retention.tidy)
        chore(sampling.CHORE, sampling.INTERVAL, sampling.sample)
        chore(tidying.CHORE, tidying.INTERVAL, tidying.tidy)
        chore(files.CHORE, files.INTERVAL, files.tidy)
        chore(index.CHORE, index.INTERVAL, index.tidy)
        chore(purging.CHORE, purging.INTERVAL, purging.purge)
        chore(webhooks.CHORE, webhooks.INTERVAL, webhooks.tidy)
        if conf.search_urls():
            from jobs.search.sync import tidying as search_index  # memory that is not spent without an engine

            chore(search_index.CHORE, search_index.INTERVAL, search_index.tidy)
        post_migrate.connect(synchronize_migrated, sender=self)
        post_migrate.connect(synchronize_schedules, sender=self)


def _find_task(name: str) -> Any:
    """Look for a task of Django's framework, which is imported only where it is in use."""
    if not getattr(settings, "TASKS", None) or not any(map(find_spec, ("django.tasks", "django_tasks"))):
        return None
    from jobs.django_tasks.finding import find

    return find(name)
