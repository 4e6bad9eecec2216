import pytest
from django.urls import reverse

from accounts.models import User

pytestmark = pytest.mark.django_db

PASSWORD = "a long good password"


@pytest.fixture
def admin_user_id():
    return User.objects.create_superuser("boss", PASSWORD).user_id


def log_in(client, password, **extra):
    return client.post(reverse("admin:login"), {"username": "boss", "password": password}, **extra)


def test_the_admin_logs_in_with_the_user_id(client, admin_user_id):
    assert log_in(client, PASSWORD).status_code == 302


@pytest.mark.parametrize("role", ["user", "worker"])
def test_roles_outside_of_the_staff_cannot_enter_the_admin(client, role):
    User.objects.create_user("boss", PASSWORD, role=role)
    assert log_in(client, PASSWORD).status_code == 200


def test_a_disabled_administrator_cannot_log_in(client, admin_user_id):
    User.objects.update(is_active=False)
    assert log_in(client, PASSWORD).status_code == 200
