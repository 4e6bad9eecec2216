"""Schemathesis over a running server, with all of its checks."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from accounts import keys
from accounts.roles import Role
from jobs.models import Function
from tests import web_process
from tests.factories import UserFactory

CONFIG = "tests/contracts/fuzz/schemathesis.toml"
SECONDS = 45

pytestmark = [pytest.mark.slow, pytest.mark.timeout(SECONDS * 5)]


def test_the_api_keeps_what_its_description_promises(transactional_db: None, tmp_path: Path) -> None:
    admin = UserFactory(user_id="fuzzer", role=Role.ADMIN, rate_limit_per_minute=1_000_000)
    Function.objects.create(language="node", title="anything", language_title="node-anything")
    environment = {**os.environ, "EKIDEN_FUZZ_KEY": keys.issue(admin)}

    with web_process.running("tests.contracts.fuzz.served:application", tmp_path / "web.log") as port:
        command = [
            *(str(Path(sys.executable).with_name("schemathesis")), "--config-file", CONFIG, "run"),
            # To delete a session is to close it: what it was is told until it is tidied away. That deleted jobs and
            # articles are gone, tests of their own say.
            *("--checks", "all", "--exclude-checks", "use_after_free"),
            *("--max-time", str(SECONDS), "--wait-for-schema", "30", "--no-color"),
            f"http://127.0.0.1:{port}/api/openapi.json",
        ]
        run = subprocess.run(command, cwd=web_process.ROOT, env=environment, capture_output=True, text=True)

    assert run.returncode == 0, run.stdout + run.stderr
