"""`manage.py bench_api` against web processes and workers that it starts itself."""

import json
import os
import subprocess
import sys

import pytest

from accounts.models import User
from jobs.models import Article, Batch, Job, Summary, Worker
from tests.acceptance.conftest import database_url
from tests.web_process import ROOT


@pytest.mark.django_db(transaction=True)
def test_a_short_soak_says_what_became_of_the_articles_and_leaves_nothing():
    options = ("--soak", "2s", "--articles", "120", "--clients", "4", "--json")
    environment = {**os.environ, "DATABASE_URL": database_url(), "EKIDEN_PROCESS": "command"}
    command = [sys.executable, "-W", "ignore", "manage.py", "bench_api", *options]
    ended = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120)
    assert ended.returncode == 0, ended.stderr
    figures = json.loads(ended.stdout)
    soak = figures["soak"]
    assert soak["articles"] == soak["articles_done"] > 0 and soak["providers"] == {"extractive": soak["articles"]}
    assert soak["stages"].keys() == {"extract_content", "summarize", "validate_summary"}
    assert all(stage["completed"] == soak["articles"] for stage in soak["stages"].values())
    assert all(figures["goals"].values()), figures["goals"]
    assert len(soak["memory"]["web_mb"]) == len(soak["memory"]["workers_mb"]) == 3
    assert figures["machine"]["cores"] and figures["web_processes"] == 1
    left = (Article, Summary, Job, Batch, Worker, User)
    assert [model.__name__ for model in left if model.objects.exists()] == []
