import pytest
from django.test import Client

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
