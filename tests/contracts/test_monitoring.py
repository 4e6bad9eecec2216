"""The dashboard and the alerts ask for figures that there are, in a language that Prometheus understands."""

import json
import os
import re
import shutil
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests import web_process
from tests.acceptance.stage import wait_until
from tests.markdown import ROOT, table, words

DEPLOY = ROOT / "deploy"
#: What Grafana puts in place of its variables.
VARIABLES = {"$__rate_interval": "5m", "$queue": ".*", "$job_type": ".*"}


def program(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        assert not os.environ.get("EKIDEN_CI"), f"{name} is not installed"
        pytest.skip(f"needs {name}")
    return found


def rules() -> list[dict[str, Any]]:
    groups = yaml.safe_load((DEPLOY / "alerts.yml").read_text())["groups"]
    return [rule for group in groups for rule in group["rules"]]


def panels() -> list[dict[str, Any]]:
    dashboard = json.loads((DEPLOY / "grafana-dashboard.json").read_text())
    return [panel for panel in dashboard["panels"] if panel["type"] != "row"]


def expressions() -> dict[str, str]:
    """Every expression, by who asks it."""
    asked = {f"{panel['title']}/{target['refId']}": target["expr"] for panel in panels() for target in panel["targets"]}
    for variable, value in VARIABLES.items():
        asked = {name: expression.replace(variable, value) for name, expression in asked.items()}
    assert not any("$" in expression for expression in asked.values())
    return {**asked, **{rule["alert"]: rule["expr"] for rule in rules()}}


def test_they_ask_for_metrics_that_there_are() -> None:
    """The table is held against what is served by tests/contracts/test_docs_api.py."""
    there = {words(row[0])[0] for row in table("docs/monitoring.md", "metric")}
    there |= {f"{name}_{part}" for name in there for part in ("bucket", "sum", "count")}
    asked = {name for expression in expressions().values() for name in re.findall(r"\bekiden_\w+", expression)}
    assert asked - there == set()
    # Nothing is counted that nobody looks at, except what is one process's own.
    served = {words(row[0])[0] for row in table("docs/monitoring.md", "metric")}
    seen = {name.removesuffix("_bucket").removesuffix("_sum") for name in asked}
    assert served - seen == {"ekiden_request_logs_recorded_total", "ekiden_request_logs_write_failures_total"}


def test_the_dashboard_can_be_drawn() -> None:
    dashboard = json.loads((DEPLOY / "grafana-dashboard.json").read_text())
    ids = [panel["id"] for panel in dashboard["panels"]]
    assert len(set(ids)) == len(ids) > 30
    assert all(panel["datasource"]["uid"] == "${datasource}" and panel["targets"] for panel in panels())
    names = {variable["name"] for variable in dashboard["templating"]["list"]}
    assert names == {"datasource", "queue", "job_type"}
    cells: set[tuple[int, int]] = set()
    for panel in dashboard["panels"]:
        at = panel["gridPos"]
        own = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
        assert not own & cells and at["x"] + at["w"] <= 24, panel["title"]
        cells |= own


def test_each_alert_fires_and_is_quiet_as_its_tests_say() -> None:
    promtool = program("promtool")
    for arguments in (["check", "rules", "alerts.yml"], ["test", "rules", "alerts_test.yml"]):
        done = subprocess.run([promtool, *arguments], cwd=DEPLOY, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
    cases = [
        case
        for group in yaml.safe_load((DEPLOY / "alerts_test.yml").read_text())["tests"]
        for case in group["alert_rule_test"]
    ]
    names = {rule["alert"] for rule in rules()}
    assert {case["alertname"] for case in cases if case["exp_alerts"]} == names
    assert {case["alertname"] for case in cases if not case["exp_alerts"]} == names
    assert all(rule["annotations"].keys() == {"summary", "description"} for rule in rules())


@contextmanager
def prometheus(directory: Path, target: int) -> Iterator[str]:
    """Run a real Prometheus that scrapes one port; gives the address of its API."""
    scrape = {
        "job_name": "ekiden",
        "scrape_interval": "1s",
        "scrape_timeout": "1s",
        "static_configs": [{"targets": [f"127.0.0.1:{target}"]}],
    }
    config = {"scrape_configs": [scrape], "rule_files": [str(DEPLOY / "alerts.yml")]}
    (directory / "prometheus.yml").write_text(yaml.safe_dump(config))
    port = web_process.free_port()
    with (directory / "prometheus.log").open("wb") as log:
        process = subprocess.Popen(
            [
                program("prometheus"),
                f"--config.file={directory / 'prometheus.yml'}",
                f"--storage.tsdb.path={directory / 'tsdb'}",
                f"--web.listen-address=127.0.0.1:{port}",
            ],
            stdout=log,
            stderr=log,
        )
        try:
            yield f"http://127.0.0.1:{port}/api/v1"
        finally:
            process.terminate()
            process.wait(20)


def ask(url: str, path: str, **parameters: Any) -> Any:
    address = f"{url}/{path}?{urllib.parse.urlencode(parameters)}"
    try:
        with urllib.request.urlopen(address, timeout=10) as answer:
            return json.load(answer)["data"]
    except urllib.error.HTTPError as error:
        if error.code == 503:
            return None
        raise AssertionError(f"{parameters}: {error.read().decode()}") from None
    except OSError:
        return None


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_a_real_prometheus_answers_every_expression(tmp_path: Path) -> None:
    program("prometheus")
    with (
        web_process.running("config.asgi:application", tmp_path / "web.log") as port,
        prometheus(tmp_path, port) as url,
    ):
        wait_until(lambda: (ask(url, "query", query="up == 1") or {}).get("result"), 60, "a first scrape")
        wait_until(lambda: ask(url, "query", query="count_over_time(ekiden_workers[1m]) > 1")["result"], 60, "a second")
        (workers,) = ask(url, "query", query="ekiden_workers")["result"]
        assert workers["value"][1] == "0"
        now = time.time()
        for name, expression in expressions().items():
            found = ask(url, "query_range", query=expression, start=now - 60, end=now, step=15)
            assert found["resultType"] == "matrix", name
        loaded = ask(url, "rules")["groups"][0]["rules"]
        assert {rule["name"] for rule in loaded} == {rule["alert"] for rule in rules()}
        assert all(rule["health"] in ("ok", "unknown") for rule in loaded)
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=60) as answer:
            served = answer.read()
    linted = subprocess.run([program("promtool"), "check", "metrics"], input=served, capture_output=True)
    assert linted.returncode == 0, linted.stderr.decode() + linted.stdout.decode()
