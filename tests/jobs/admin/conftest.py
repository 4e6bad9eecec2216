import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.roles import Role
from tests.factories import UserFactory


def client_of(role):
    user = UserFactory(user_id=f"{role}-1", role=role)
    client = Client()
    client.force_login(user)
    client.user = user
    return client


@pytest.fixture
def operator(db):
    return client_of(Role.OPERATOR)


@pytest.fixture
def viewer(db):
    return client_of(Role.VIEWER)


@pytest.fixture
def asked(operator):
    """Get a page for the second time; gives how many queries it sent."""
    no_query = ("SAVEPOINT", "RELEASE", "ROLLBACK", "SET ", "SELECT set_config", "SELECT public.act_as")

    def asked(address):
        operator.get(address)
        with CaptureQueriesContext(connection) as sent:
            assert operator.get(address).status_code == 200
        queries = [statement["sql"] for statement in sent if not statement["sql"].startswith(no_query)]
        return len(queries)

    return asked
