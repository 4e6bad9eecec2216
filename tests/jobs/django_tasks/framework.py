"""What the tests need of Django's framework beside what the product needs, from where it is."""

import django

if django.VERSION >= (6, 0):
    from django.tasks import TaskContext, default_task_backend, task
    from django.tasks.backends.immediate import ImmediateBackend
    from django.tasks.exceptions import InvalidTaskBackend, TaskResultMismatch

    #: Where it is, and the name of its logger.
    PLACE = "django.tasks"
else:
    from django_tasks import TaskContext, default_task_backend, task
    from django_tasks.backends.immediate import ImmediateBackend
    from django_tasks.exceptions import InvalidTaskBackendError as InvalidTaskBackend
    from django_tasks.exceptions import TaskResultMismatch

    PLACE = "django_tasks"

IMMEDIATE = f"{PLACE}.backends.immediate.ImmediateBackend"

__all__ = [
    "IMMEDIATE",
    "PLACE",
    "ImmediateBackend",
    "InvalidTaskBackend",
    "TaskContext",
    "TaskResultMismatch",
    "default_task_backend",
    "task",
]
