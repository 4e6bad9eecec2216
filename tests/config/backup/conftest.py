import os
from io import StringIO
from pathlib import Path

import psycopg
import pytest
from django.core.management import call_command
from django.db import connections, router

from analytics.models import RequestLog
from config.backup.places import places
from tests.config.backup.full import MONTHS, fill

NAME = f"{os.environ.get('TEST_DB_NAME') or 'test_ekiden'}_{os.environ.get('PYTEST_XDIST_WORKER', 'main')}_restored"


def _stop_using() -> None:
    with connections[router.db_for_write(RequestLog)].cursor() as cursor:
        for month in MONTHS:
            cursor.execute(f"DROP TABLE IF EXISTS request_logs_{month}, error_logs_{month}")
    for alias in connections:
        call_command("flush", database=alias, interactive=False, verbosity=0, inhibit_post_migrate=False)
    connections.close_all()


@pytest.fixture(scope="module")
def backup(django_db_setup, django_db_blocker, tmp_path_factory) -> Path:
    """A back-up of a full database, made by the command."""
    with django_db_blocker.unblock():
        try:
            fill()
            said = StringIO()
            call_command("backup", output=tmp_path_factory.mktemp("backups"), stdout=said)
        finally:
            _stop_using()
    return Path(said.getvalue().splitlines()[-1])


@pytest.fixture
def empty(django_db_setup, django_db_blocker):
    """Have Django speak to empty databases instead of the tests', one for each alias; gives libpq's parameters."""
    usual = {alias: connections[alias].settings_dict["NAME"] for alias in connections}
    with django_db_blocker.unblock():
        here = places()
        with psycopg.connect(**{**here["default"], "dbname": "postgres"}, autocommit=True) as admin:
            connections.close_all()
            for alias in usual:
                connections[alias].settings_dict["NAME"] = f"{NAME}_{alias}"
                admin.execute(f'DROP DATABASE IF EXISTS "{NAME}_{alias}" WITH (FORCE)')
                admin.execute(f'CREATE DATABASE "{NAME}_{alias}"')
            try:
                yield places()
            finally:
                connections.close_all()
                for alias, name in usual.items():
                    connections[alias].settings_dict["NAME"] = name
                    admin.execute(f'DROP DATABASE "{NAME}_{alias}" WITH (FORCE)')
