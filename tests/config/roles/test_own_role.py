import logging
from collections.abc import Iterator
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import SystemCheckError
from django.db import connection

from config.roles import own_role
from config.roles.declared import APP, BACKUP, WORKER
from config.roles.own_role import what_is_wrong
from tests.database_roles import working_as

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("database_roles")]


@pytest.fixture
def web(settings: Any, monkeypatch: Any) -> Iterator[None]:
    settings.PROCESS = "web"
    monkeypatch.setattr(own_role, "_looked", False)
    own_role.watch()
    yield
    own_role.connection_created.disconnect(dispatch_uid="config.roles.own_role")


@pytest.mark.parametrize(
    ("role", "why"), [("postgres", "is a superuser"), (BACKUP, "has BYPASSRLS"), (APP, ""), (WORKER, "")]
)
def test_what_binds_a_role(role: str, why: str) -> None:
    with working_as(role):
        wrong = what_is_wrong(connection)
    assert wrong == (
        f"The web process's role {role} {why}, so that row-level security does not bind it." if why else ""
    )


def test_the_log_says_it_once(web: None, caplog: Any) -> None:
    connection.close()
    with caplog.at_level(logging.ERROR):
        connection.ensure_connection()
        connection.close()
        connection.ensure_connection()
    (record,) = caplog.records
    assert "postgres is a superuser" in record.message and "setup_roles" in record.message


def test_other_processes_are_not_watched(settings: Any, caplog: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr(own_role, "_looked", False)
    own_role.watch()
    connection.close()
    connection.ensure_connection()
    assert not caplog.records


def test_a_web_process_is_refused_by_the_check(web: None) -> None:
    with pytest.raises(SystemCheckError, match=r"config\.E001.*is a superuser"):
        call_command("check", databases=["default"])
    with working_as(APP):
        call_command("check", databases=["default"])
