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
    """Get a page; gives how many statements of its own it sent, beside those of every page's session and rights."""

    def asked(address):
        with CaptureQueriesContext(connection) as sent:
            assert operator.get(address).status_code == 200
        return sum('FROM "job_' in statement["sql"] or 'FROM "users"' in statement["sql"] for statement in sent)

    return asked
