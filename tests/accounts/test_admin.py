import re

import pytest
from django.urls import reverse

from accounts import keys, rate_limits
from accounts.models import User
from jobs.models import AuditEntry
from tests.factories import UserFactory

pytestmark = pytest.mark.django_db


LIMITS = {"tier": "standard", "rate_limit_per_minute": "100"}


@pytest.fixture
def boss(client):
    client.force_login(UserFactory(role="admin"))
    return client


def act(client, user, verb):
    how = {"overlap": 86_400} if verb == "rotate" else {}
    return client.post(
        reverse(f"admin:accounts_user_{verb}_key", args=[user.pk]), {"reason": "why", **how}, follow=True
    )


def shown_keys(response):
    return set(re.findall(r"ekiden_live_[0-9A-Za-z]{46}", response.content.decode()))


def test_an_administrator_creates_a_user_with_a_password(boss):
    data = {"user_id": "new", "role": "operator", "usable_password": "true", **LIMITS}
    data |= {"password1": "Correct-Horse-9", "password2": "Correct-Horse-9"}
    response = boss.post(reverse("admin:accounts_user_add"), data)
    assert response.status_code == 302, response.context["adminform"].form.errors
    user = User.objects.get(user_id="new")
    assert user.role == "operator"
    assert user.check_password("Correct-Horse-9")


def test_an_administrator_creates_a_program_without_a_password(boss):
    boss.post(
        reverse("admin:accounts_user_add"), {"user_id": "robot", "role": "worker", "usable_password": "false", **LIMITS}
    )
    assert not User.objects.get(user_id="robot").has_usable_password()


def test_a_role_is_changed_on_the_users_page(boss):
    user = UserFactory()
    url = reverse("admin:accounts_user_change", args=[user.pk])
    assert boss.get(url).status_code == 200
    data = {"user_id": user.user_id, "role": "viewer", "tier": "free", "is_active": "on"}
    data |= {"rate_limit_per_minute": "7"}
    response = boss.post(url, {**data, "name": "", "email": "", "allowed_languages": ""})
    assert response.status_code == 302, response.context["adminform"].form.errors
    user.refresh_from_db()
    assert (user.role, user.tier, user.rate_limit_per_minute) == ("viewer", "free", 7)


def test_a_new_key_is_shown_once_and_works(boss):
    user = UserFactory()
    answer = act(boss, user, "issue")
    (key,) = shown_keys(answer)
    assert keys.find_owner(key) == user
    assert answer.redirect_chain == []
    assert "no-store" in answer["Cache-Control"]
    assert key not in str(answer.cookies)
    assert not shown_keys(boss.get(reverse("admin:accounts_user_change", args=[user.pk])))
    assert not shown_keys(boss.get(reverse("admin:accounts_user_history", args=[user.pk])))


def test_rotation_keeps_the_old_key_for_a_while_and_revoking_ends_all(boss):
    user = UserFactory()
    old = keys.issue(user)
    (new,) = shown_keys(act(boss, user, "rotate"))
    assert keys.find_owner(old) == keys.find_owner(new) == user
    act(boss, user, "revoke")
    assert keys.find_owner(old) is keys.find_owner(new) is None


def test_a_key_gets_its_end_on_the_users_page(boss):
    user = UserFactory()
    key = keys.issue(user)
    data = {"user_id": user.user_id, "role": "user", "tier": "standard", "is_active": "on"}
    data |= {"rate_limit_per_minute": "7"}
    data |= {"name": "", "email": "", "allowed_languages": ""}
    end = {"api_key_expires_at_0": "2000-01-01", "api_key_expires_at_1": "00:00"}
    response = boss.post(reverse("admin:accounts_user_change", args=[user.pk]), {**data, **end})
    assert response.status_code == 302, response.context["adminform"].form.errors
    with pytest.raises(keys.KeyExpired):
        keys.find_owner(key)


def test_keys_are_not_given_out_by_following_a_link(boss):
    user = UserFactory()
    assert not shown_keys(boss.get(reverse("admin:accounts_user_issue_key", args=[user.pk])))
    user.refresh_from_db()
    assert user.api_key_hash is None


@pytest.mark.parametrize("role", ["operator", "viewer"])
def test_other_staff_see_users_and_change_nothing(client, role):
    client.force_login(UserFactory(role=role))
    user = UserFactory()
    assert client.get(reverse("admin:accounts_user_changelist")).status_code == 200
    page = client.get(reverse("admin:accounts_user_change", args=[user.pk]))
    assert page.status_code == 200
    assert b"Issue API key" not in page.content
    assert act(client, user, "issue").status_code == 403
    assert client.get(reverse("admin:accounts_user_add")).status_code == 403


def test_nobody_is_deleted(boss):
    user = UserFactory()
    assert boss.post(reverse("admin:accounts_user_delete", args=[user.pk]), {"post": "yes"}).status_code == 403


def test_hashes_are_on_no_page(boss):
    user = UserFactory()
    keys.issue(user)
    page = boss.get(reverse("admin:accounts_user_change", args=[user.pk])).content.decode()
    assert user.api_key_hash not in page


def test_every_act_on_a_user_leaves_an_entry_without_the_key(boss):
    user = UserFactory()
    for verb in ("issue", "rotate", "revoke"):
        act(boss, user, verb)
    for verb in ("disable", "enable"):
        boss.post(reverse(f"admin:accounts_user_{verb}", args=[user.pk]), {"reason": "why"})
    data = {"user_id": user.user_id, "role": "viewer", "tier": "free", "is_active": "on", "rate_limit_per_minute": "7"}
    boss.post(reverse("admin:accounts_user_change", args=[user.pk]), data)
    passwords = {"usable_password": "true", "password1": "Correct-Horse-9", "password2": "Correct-Horse-9"}
    boss.post(reverse("admin:auth_user_password_change", args=[user.pk]), passwords)
    entries = AuditEntry.objects.filter(target_id=str(user.pk)).order_by("id")
    expected = ["issue key", "rotate key", "revoke key", "disable", "enable", "change", "change password"]
    assert [entry.action for entry in entries] == expected
    assert {entry.reason for entry in entries[:5]} == {"why"}
    assert entries[5].details["after"]["role"] == "viewer"
    assert entries[5].details["before"]["role"] == "user"
    assert "Correct-Horse" not in str([entry.details for entry in entries])
    assert not re.search(r"ekiden_live_", str([entry.details for entry in entries]))


def test_an_act_that_the_state_does_not_allow_says_so(boss):
    user = UserFactory()
    answer = act(boss, user, "rotate")
    assert "As it is now, this cannot be done." in answer.content.decode()
    assert not AuditEntry.objects.exists()


def test_the_page_of_a_user_tells_of_limits_and_use(boss):
    user = UserFactory(rate_limit_per_minute=20)
    before = boss.get(reverse("admin:accounts_user_change", args=[user.pk]))
    rate_limits.spend(f"user:{user.pk}", user.rate_limit_per_minute, rate_limits.burst_size())
    after = boss.get(reverse("admin:accounts_user_change", args=[user.pk]))
    assert (before.context["left"], after.context["left"]) == (30, 29)


def test_what_is_left_is_what_the_next_request_would_be_told():
    user = UserFactory(rate_limit_per_minute=5)
    for _ in range(20):
        told = rate_limits.spend(f"user:{user.pk}", 5, rate_limits.burst_size())
        assert rate_limits.left(user) == told.remaining
