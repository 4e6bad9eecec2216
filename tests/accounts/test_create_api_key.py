from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from accounts import keys
from accounts.models import User
from tests.factories import UserFactory

pytestmark = pytest.mark.django_db


def create(*arguments):
    out, err = StringIO(), StringIO()
    call_command("create_api_key", *arguments, stdout=out, stderr=err)
    return out.getvalue().strip(), err.getvalue()


def test_a_missing_user_is_created_with_the_role():
    key, _ = create("robot", "--role", "worker")
    user = keys.find_owner(key)
    assert (user.user_id, user.role) == ("robot", "worker")
    assert not user.has_usable_password()


def test_an_existing_user_keeps_the_role_and_the_old_key_for_a_day():
    user = UserFactory(role="operator")
    old = keys.issue(user)
    new, notes = create(user.user_id)
    assert keys.find_owner(old) == keys.find_owner(new) == user
    assert "ends at" in notes
    user.refresh_from_db()
    assert user.role == "operator"


def test_a_bad_name_is_one_sentence():
    with pytest.raises(CommandError, match="letters"):
        create("no spaces, please")
    assert not User.objects.exists()
