"""The files for a real site are read by the programs they are for."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from django.core.management import load_command_class

from config import databases, env

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy"
UNITS = {".service", ".timer"}


def program(name: str) -> str:
    found = shutil.which(name, path="/usr/sbin:/usr/bin:/sbin:/bin:/usr/local/bin")
    if found is None:
        pytest.skip(f"needs {name}")
    return found


@pytest.fixture
def certificate(tmp_path):
    key, chain = tmp_path / "privkey.pem", tmp_path / "fullchain.pem"
    subprocess.run(
        [
            *(program("openssl"), "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1"),
            *("-subj", "/CN=ekiden.example.org", "-keyout", key, "-out", chain),
        ],
        check=True,
        capture_output=True,
    )
    return tmp_path


def test_nginx_accepts_the_site(tmp_path, certificate):
    site = (DEPLOY / "nginx.conf").read_text().replace("/etc/ssl/ekiden", str(certificate))
    (tmp_path / "site.conf").write_text(site)
    (tmp_path / "nginx.conf").write_text(
        f"pid {tmp_path}/pid; error_log stderr; events {{}} http {{ access_log off; include {tmp_path}/site.conf; }}"
    )
    done = subprocess.run(
        [program("nginx"), "-t", "-p", tmp_path, "-c", tmp_path / "nginx.conf"], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert "[warn]" not in done.stderr


@pytest.mark.parametrize("unit", sorted(path.name for path in DEPLOY.iterdir() if path.suffix in UNITS))
def test_systemd_accepts_the_unit(tmp_path, unit):
    bin_directory = tmp_path / ".venv" / "bin"
    bin_directory.mkdir(parents=True)
    for name in ("python", "granian"):
        (bin_directory / name).symlink_to("/bin/true")
    for name in {unit, f"{Path(unit).stem}.service"}:
        text = (DEPLOY / name).read_text().replace("/opt/ekiden", str(tmp_path))
        (tmp_path / name.replace("@.", "@1.")).write_text(text)
    copy = tmp_path / unit.replace("@.", "@1.")
    done = subprocess.run([program("systemd-analyze"), "verify", copy], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert unit.split(".")[0].split("@")[0] not in done.stderr, done.stderr


def test_the_options_of_the_worker_unit_are_those_of_runworker():
    text = (DEPLOY / "ekiden-worker@.service").read_text() + (ROOT / "docs" / "scaling.md").read_text()
    given = re.findall(r'RUNWORKER=(?:"|)(--[^"]+)"', text)
    assert len(given) >= 3
    parser = load_command_class("jobs", "runworker").create_parser("manage.py", "runworker")
    for options in given:
        chosen = parser.parse_args(options.split())
        assert chosen.autoscale and chosen.processes[0] < chosen.processes[1]


def variables(*names: str) -> dict[str, str]:
    lines = [line for name in names for line in (DEPLOY / name).read_text().splitlines()]
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


def test_example_environment_is_one_that_ekiden_takes():
    settings = env.load(variables("ekiden.env"))
    assert settings.https
    assert not settings.debug


def test_worker_host_needs_only_the_database_and_the_secret():
    needed = {name: variables("ekiden.env")[name] for name in ("WORKER_DATABASE_URL", "SECRET_KEY")}
    settings = env.load({**needed, "EKIDEN_PROCESS": "worker"})
    assert databases.configured(settings)["default"]["USER"] == "ekiden_worker"


@pytest.mark.parametrize(
    ("process", "user"), [("web", "ekiden_app"), ("worker", "ekiden_worker"), ("command", "ekiden")]
)
def test_each_kind_of_process_logs_in_as_its_own_role(process, user):
    settings = env.load({**variables("ekiden.env", "owner.env"), "EKIDEN_PROCESS": process})
    assert databases.configured(settings)["default"]["USER"] == user
    assert settings.role_passwords.keys() == {"ekiden_app", "ekiden_worker", "ekiden_backup"}


def test_a_web_host_does_not_know_the_owner():
    settings = env.load({**variables("ekiden.env"), "EKIDEN_PROCESS": "web"})
    assert not settings.database_url
    assert databases.configured(settings)["default"]["USER"] == "ekiden_app"
