"""Which processes load the console's pages: those that show them."""

import os
import subprocess
import sys

import pytest

_LOOK = """
import os, sys, django
os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings"
django.setup()
print("jobs.admin.job" in sys.modules)
from django.urls import reverse
print(reverse("admin:jobs_job_changelist"))
"""


@pytest.mark.parametrize(("process", "loaded"), [("worker", "False"), ("web", "True")])
def test_workers_load_no_pages_until_they_ask_for_an_address(process: str, loaded: str) -> None:
    chosen = {
        "EKIDEN_PROCESS": process,
        "DEBUG": "1",
        "SECRET_KEY": "x" * 60,
        "DATABASE_URL": "postgresql://x@127.0.0.1:1/x",
    }
    ran = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", _LOOK], env={**os.environ, **chosen}, capture_output=True, text=True
    )
    assert (ran.stdout.split(), ran.returncode) == ([loaded, "/admin/jobs/job/"], 0), ran.stderr
