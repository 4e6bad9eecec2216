from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

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


@pytest.mark.parametrize(
    ("text", "days"),
    [("90d", 90), ("12h", 0.5), ((timezone.now() + timedelta(days=3)).isoformat(), 3)],
    ids=["days", "hours", "moment"],
)
def test_a_key_with_an_end(text, days):
    create("robot", "--expires", text)
    end = User.objects.get(user_id="robot").api_key_expires_at
    # The parameters are as old as the collection of the tests.
    assert abs(end - timezone.now() - timedelta(days=days)) < timedelta(hours=1)


def test_an_end_may_be_a_day():
    day = (timezone.now() + timedelta(days=2)).date()
    create("robot", "--expires", str(day))
    assert User.objects.get(user_id="robot").api_key_expires_at.date() == day


@pytest.mark.parametrize("text", ["2020-01-01", "soon", "0d", "2030-13-01", "999999d999", "-1d", "", "9999999d"])
def test_an_end_that_is_none_makes_no_user(text):
    with pytest.raises(CommandError, match="--expires must lie ahead"):
        create("robot", f"--expires={text}")
    assert not User.objects.exists()


@pytest.mark.parametrize("text", ["31d", "soon", "", "1"])
def test_a_wrong_overlap(text):
    with pytest.raises(CommandError, match="--overlap must be"):
        create("robot", "--overlap", text)


def test_the_present_key_can_end_at_once_or_later():
    user = UserFactory()
    old = keys.issue(user)
    create(user.user_id, "--overlap", "7d")
    user.refresh_from_db()
    assert user.retired_api_key_expires_at > timezone.now() + timedelta(days=6)
    create(user.user_id, "--issue")
    assert keys.find_owner(old) is None


def test_a_script_may_say_it_again_without_a_second_key():
    first, _ = create("robot", "--if-missing", "--role", "worker")
    again, note = create("robot", "--if-missing", "--role", "worker")
    assert keys.find_owner(first)
    assert again == ""
    assert first[-4:] in note
    User.objects.filter(user_id="robot").update(api_key_expires_at=timezone.now())
    third, _ = create("robot", "--if-missing")
    assert keys.find_owner(third), "a key that has ended is missing"


def test_a_disabled_users_key_is_made_with_a_warning():
    key, note = create(UserFactory(is_active=False).user_id)
    assert "lets nobody in" in note
    assert keys.find_owner(key)
