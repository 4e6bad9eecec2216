"""The whole installation under its roles: nothing of what a user, an operator and the worker do needs the owner."""

import json
import re
import tempfile
import urllib.parse
import urllib.request
from collections.abc import Iterator
from http.cookiejar import CookieJar
from pathlib import Path
from typing import Any

import psycopg
import pytest

from config.embedded import Location, Server
from tests.acceptance.stage import wait_until
from tests.config.test_up import READY, Up, free_port

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]


class Person:
    """Somebody with a browser, an API key, or both."""

    def __init__(self, up: Up, key: str = "") -> None:
        self.site, self.key = up.site, key
        self.browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(CookieJar()))

    def api(self, method: str, path: str, body: Any = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        headers = {"Authorization": f"Bearer {self.key}", "Content-Type": "application/json"}
        request = urllib.request.Request(f"{self.site}/api/v1/{path}", data, headers, method=method)
        with urllib.request.urlopen(request, timeout=60) as response:
            return json.load(response)

    def page(self, path: str, **form: str) -> str:
        """Read a page of the admin, or send its form."""
        with self.browser.open(self.site + path, timeout=60) as response:
            text = response.read().decode()
        if not form:
            return str(text)
        token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', text)
        assert token is not None, text
        data = urllib.parse.urlencode({"csrfmiddlewaretoken": token[1], **form}).encode()
        with self.browser.open(self.site + path, data, timeout=60) as response:
            return str(response.read().decode())

    def ended(self, job_id: str, *statuses: str) -> Any:
        def look() -> Any:
            job = self.api("GET", f"jobs/{job_id}?wait=20")
            return job if job["status"] in statuses else None

        return wait_until(look, 60)


@pytest.fixture
def up() -> Iterator[Up]:
    with tempfile.TemporaryDirectory(prefix="ekiden-test-") as name:
        var_dir = Path(name)
        # PostgreSQL's own account has to get in.
        var_dir.chmod(0o755)
        up = Up(var_dir, free_port())
        try:
            up.wait_for(READY)
            yield up
        finally:
            if up.process.poll() is None:
                up.interrupt()
            location = Location.below(var_dir)
            server_log = location.log.read_text()
            Server(location, {}).stop()
    assert not re.findall(".*(?:permission denied|row-level security|must be owner|statement timeout).*", server_log)
    assert "as the owner of the database" not in up.text
    # A job that gives up is an error of its own, which these tests want.
    assert not [line for line in up.text.splitlines() if "ERROR" in line and "jobs.attempts" not in line]


def test_submit_run_dead_letter_and_redrive(up: Up) -> None:
    key = re.search(r"API key +(\S+)", up.text)[1]  # type: ignore[index]
    operator = Person(up, key)
    operator.api("POST", "users", {"user_id": "ada", "role": "user"})
    ada = Person(up, operator.api("POST", "users/ada/keys", {})["api_key"])

    done = ada.api("POST", "jobs", {"type": "summarize", "payload": {"content": "One sentence. Another one."}})
    assert ada.ended(done["job_id"], "completed")["result"]
    session = ada.api("POST", "sessions", {"language_title": "python-summarize"})
    executed = ada.api(
        "POST", f"sessions/{session['request_id']}/execute?wait=20", {"params": {"content": "One. Two."}}
    )
    assert ada.ended(executed["job_id"], "completed")

    # The fetcher refuses addresses of one's own machine, once and for all.
    lost = ada.api("POST", "jobs", {"type": "extract_content", "payload": {"url": "http://127.0.0.1/"}})
    ada.ended(lost["job_id"], "dead_letter")
    (letter,) = operator.api("GET", "dead-letters?resolution=open")["data"]

    password = re.search(r"password +(\S+)", up.text)[1]  # type: ignore[index]
    page = operator.page("/admin/login/?next=/admin/", username="operator", password=password)
    assert "operator" in page
    page = operator.page(f"/admin/jobs/deadletter/{letter['id']}/change/")
    assert "127.0.0.1" in page
    operator.page(f"/admin/jobs/deadletter/{letter['id']}/discard/", reason="not reachable", confirm="yes")
    assert operator.api("GET", f"dead-letters/{letter['id']}")["resolution"] == "discarded"

    again = ada.api("POST", "jobs", {"type": "extract_content", "payload": {"url": "http://127.0.0.1/"}})
    ada.ended(again["job_id"], "dead_letter")
    (letter,) = operator.api("GET", "dead-letters?resolution=open")["data"]
    operator.page(f"/admin/jobs/deadletter/{letter['id']}/redrive/", reason="once more", confirm="yes")
    assert operator.api("GET", f"dead-letters/{letter['id']}")["resolution"] == "redriven"
    ada.ended(again["job_id"], "dead_letter")

    assert roles(up) == {"ekiden_app", "ekiden_worker"}
    logged = wait_until(lambda: ended_requests(ada), 60)
    assert {row["user_id"] for row in logged} == {"ada"}


def ended_requests(person: Person) -> list[Any]:
    rows = person.api("GET", "request-logs")["data"]
    return rows if len(rows) >= 4 and not any(row["status_code"] in (201, 202) for row in rows) else []


def roles(up: Up) -> set[str]:
    """Tell as whom the processes of the installation are connected."""
    location = Location.below(Path(up.var_dir))
    with psycopg.connect(**location.connection) as database:  # type: ignore[arg-type]
        found = database.execute(
            "SELECT DISTINCT usename FROM pg_stat_activity WHERE application_name IN ('ekiden-web', 'ekiden-worker')"
        ).fetchall()
    return {name for (name,) in found}
