import re
from datetime import timedelta

import pytest
from django.db import connection
from django.db.models.functions import Now
from django.utils import timezone

from accounts import keys
from accounts.models import User
from tests.factories import UserFactory

pytestmark = pytest.mark.django_db


def test_a_key_finds_its_owner():
    user, other = UserFactory(), UserFactory()
    key = keys.issue(user)
    keys.issue(other)
    assert keys.find_owner(key) == user


def test_the_format_can_be_recognised_by_secret_scanners():
    assert re.fullmatch(r"ekiden_live_[0-9A-Za-z]{46}", keys.generate())


def test_the_key_is_nowhere_in_the_row():
    user = UserFactory()
    key = keys.issue(user)
    with connection.cursor() as cursor:
        cursor.execute("SELECT users::text FROM meta.users WHERE id = %s", [user.pk])
        row = cursor.fetchone()[0]
    assert key not in row
    assert key[len(keys.PREFIX) : -4] not in row
    assert user.api_key_hint == key[-4:]


def test_every_single_typing_mistake_is_noticed_without_a_query(django_assert_num_queries):
    key = keys.generate()
    with django_assert_num_queries(0):
        for place in range(len(keys.PREFIX), len(key)):
            wrong = "a" if key[place] != "a" else "b"
            assert keys.find_owner(key[:place] + wrong + key[place + 1 :]) is None


@pytest.mark.parametrize(
    "key", ["", "ekiden_live_", "ekiden_live_" + "é" * 46, "x" * 10_000, "ekiden_live_" + "0" * 47]
)
def test_malformed_keys_cost_no_query(key, django_assert_num_queries):
    with django_assert_num_queries(0):
        assert keys.find_owner(key) is None


def test_a_well_formed_unknown_key_is_nobodys():
    assert keys.find_owner(keys.generate()) is None


def test_issuing_ends_the_old_key():
    user = UserFactory()
    old, new = keys.issue(user), keys.issue(user)
    assert keys.find_owner(old) is None
    assert keys.find_owner(new) == user


def test_rotation_keeps_two_keys_alive_and_a_second_one_ends_the_first():
    user = UserFactory()
    first = keys.issue(user)
    second = keys.rotate(user)
    assert keys.find_owner(first) == keys.find_owner(second) == user
    third = keys.rotate(user)
    assert keys.find_owner(first) is None
    assert keys.find_owner(second) == keys.find_owner(third) == user


def test_the_overlap_ends_by_the_databases_clock():
    user = UserFactory()
    old = keys.issue(user)
    keys.rotate(user, timedelta(hours=1))
    User.objects.filter(pk=user.pk).update(retired_api_key_expires_at=Now() - timedelta(seconds=1))
    with pytest.raises(keys.KeyExpired):
        keys.find_owner(old)


def test_a_key_with_an_end_is_good_until_then():
    user = UserFactory()
    key = keys.issue(user, timezone.now() + timedelta(hours=1))
    assert keys.find_owner(key) == user
    assert keys.has_live_key(user)
    User.objects.filter(pk=user.pk).update(api_key_expires_at=Now() - timedelta(seconds=1))
    assert not keys.has_live_key(user)
    with pytest.raises(keys.KeyExpired):
        keys.find_owner(key)


def test_the_overlap_does_not_outlive_the_keys_own_end():
    user = UserFactory()
    end = timezone.now() + timedelta(hours=1)
    keys.issue(user, end)
    keys.rotate(user, timedelta(hours=24))
    assert user.retired_api_key_expires_at == end
    assert user.api_key_expires_at is None
    keys.rotate(user, timedelta(minutes=5))
    assert user.retired_api_key_expires_at < end


def test_a_new_key_has_no_end_of_the_old_one():
    user = UserFactory()
    keys.issue(user, timezone.now() + timedelta(hours=1))
    keys.issue(user)
    assert user.api_key_expires_at is None
    keys.issue(user, timezone.now() + timedelta(hours=1))
    keys.revoke(user)
    assert (user.api_key_expires_at, keys.has_live_key(user)) == (None, False)


def test_the_first_rotation_of_a_user_without_a_key_retires_nothing():
    user = UserFactory()
    keys.rotate(user)
    assert user.retired_api_key_hash is None
    assert user.retired_api_key_expires_at is None


def test_revoking_ends_both_keys():
    user = UserFactory()
    old, new = keys.issue(user), keys.rotate(user)
    keys.revoke(user)
    assert keys.find_owner(old) is None
    assert keys.find_owner(new) is None
    assert user.api_key_hint == ""


def test_another_pepper_makes_stored_hashes_worthless(settings):
    key = keys.issue(UserFactory())
    settings.API_KEY_PEPPER = "another pepper"
    assert keys.find_owner(key) is None


def test_without_a_pepper_the_secret_key_gives_one_that_is_not_itself(settings):
    settings.API_KEY_PEPPER = ""
    key = keys.generate()
    derived = keys.digest(key)
    settings.API_KEY_PEPPER = settings.SECRET_KEY
    assert keys.digest(key) != derived
