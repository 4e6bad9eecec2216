"""The backend of Django's own task framework: `TASKS = {"default": {"BACKEND": "jobs.django_tasks.EkidenBackend"}}`.

It is `django.tasks` from Django 6.0 on, and the package django-tasks before. Nothing else in Ekiden needs either.
"""

from jobs.django_tasks.backend import EkidenBackend
from jobs.django_tasks.context import EkidenTaskContext
from jobs.django_tasks.task import EkidenTask

__all__ = ["EkidenBackend", "EkidenTask", "EkidenTaskContext"]
