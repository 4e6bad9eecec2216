"""A build farm: jobs of several projects on several hosts, some of which went wrong."""

from datetime import timedelta
from typing import Any

from django.utils.timezone import now

from jobs.models import Job
from tests.jobs.rows import dead_letter, fail, finish, new_job, start

_HOSTS = ("build-7.tokyo", "build-8.tokyo", "farm-2.osaka")
_PROJECTS = ("compiler-core", "compiler-docs", "kernel", "relay-web")
_ERRORS = (
    "linker: undefined reference to `relay_init` in libsash.a",
    "The compiler was killed: out of memory after 14.2 GB.",
    "test_handover timed out after 600 s on node 3",
)


def build(operator: Any) -> None:
    for number in range(24):
        job = new_job(
            "summarize",
            payload={"content": "text"},
            project_name=_PROJECTS[number % 4],
            hostname=_HOSTS[number % 3],
            arch="arm64" if number % 2 else "x86_64",
            tags=["nightly"] if number % 3 == 0 else [],
            metadata={"cpuCores": 2 << number % 4, "image": {"name": f"debian-{11 + number % 3}"}, "branch": "release"},
            user=operator,
            user_email="hana.sato@example.org",
        )
        if number % 6 == 1:
            dead_letter(job, error_class="LinkError", message=_ERRORS[0])
        elif number % 6 == 3:
            fail(job, "MemoryError", _ERRORS[1])
        elif number % 6 == 5:
            fail(job, "TimeoutError", _ERRORS[2])
        elif number % 6 == 0:
            start(job)
        elif number % 6 == 2:
            finish(job, {"size": 512})
    for age, job in enumerate(Job.objects.order_by("-id")):
        Job.objects.filter(pk=job.pk).update(created_at=now() - timedelta(minutes=3 + 11 * age))
