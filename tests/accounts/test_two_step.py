"""Two-step login: a code of a device beside the password, for those who have set one up or have to."""

import re
import time

import pytest
from django.test import Client
from django.urls import reverse
from django_otp.oath import TOTP
from django_otp.plugins.otp_static.models import StaticToken
from django_otp.plugins.otp_totp.models import TOTPDevice

from accounts import second_factor
from jobs.models import AuditEntry
from tests.factories import UserFactory

pytestmark = pytest.mark.django_db
PASSWORD = "a long good password"


@pytest.fixture
def person():
    user = UserFactory(user_id="hana", role="operator")
    user.set_password(PASSWORD)
    user.save()
    return user


def code_of(user, steps=0):
    """Give the code that the user's device shows so many steps from now."""
    device = TOTPDevice.objects.get(user=user)
    totp = TOTP(device.bin_key, device.step, device.t0, device.digits)
    totp.time = time.time() + steps * device.step
    return f"{totp.token():06d}"


def log_in(client, **extra):
    return client.post(reverse("admin:login"), {"username": "hana", "password": PASSWORD, **extra})


def is_in(client):
    return client.get(reverse("admin:jobs_queue_changelist")).status_code == 200


@pytest.fixture
def codes(person):
    """Recovery codes of somebody who has set up their device, with a code of the step before."""
    second_factor.begin(person)
    return second_factor.confirm(person, code_of(person, -1))


def answer_code(client, code):
    return client.post(reverse("admin:login_code"), {"code": code})


def test_without_a_device_the_password_lets_in_as_ever(client, person):
    assert log_in(client).status_code == 302
    assert is_in(client)


def test_a_device_is_set_up_on_ones_own_page_with_code_and_password(client, person):
    client.force_login(person)
    page = reverse("admin:two_step")
    shown = client.get(page).content.decode()
    key = re.search(r'class="spelled">([A-Z2-7 ]+)<', shown)[1]
    assert "<svg" in shown
    assert "style=" not in shown
    wrong = client.post(page, {"wish": "confirm", "code": code_of(person), "password": "wrong"})
    assert second_factor.device_of(person) is None
    assert key in wrong.content.decode()
    done = client.post(page, {"wish": "confirm", "code": code_of(person), "password": PASSWORD}).content.decode()
    codes = re.findall(r"<li><code>([a-z0-9]{5}-[a-z0-9]{5})</code></li>", done)
    assert len(set(codes)) == second_factor.RECOVERY_CODES
    assert not StaticToken.objects.filter(token__in=[code.replace("-", "") for code in codes]).exists()
    assert codes[0] not in client.get(page).content.decode()
    assert AuditEntry.objects.filter(action="set up two-step login", target_id=str(person.pk)).exists()


def test_with_a_device_the_password_alone_opens_nothing(client, person, codes):
    assert log_in(client).url == reverse("admin:login_code")
    assert not is_in(client)
    assert client.get("/api/v1/jobs").status_code == 401
    assert answer_code(client, "000000").status_code == 200
    assert not is_in(client)
    TOTPDevice.objects.update(throttling_failure_count=0)
    code = code_of(person)
    assert answer_code(client, code).status_code == 302
    assert is_in(client)
    other = Client()
    log_in(other)
    answer_code(other, code)
    assert not is_in(other)


def test_where_to_go_after_both_steps_is_kept_and_nowhere_else(client, person, codes):
    wanted = reverse("admin:jobs_job_changelist")
    log_in(client, next=wanted)
    assert answer_code(client, code_of(person)).url == wanted
    other = Client()
    log_in(other, next="https://elsewhere.example/")
    assert answer_code(other, codes[0]).url == reverse("admin:index")


def test_a_recovery_code_lets_in_once(person, codes):
    for expected in (True, False):
        client = Client()
        log_in(client)
        answer_code(client, codes[3].upper())
        assert is_in(client) is expected
        second_factor.StaticDevice.objects.update(throttling_failure_count=0)
    assert second_factor.codes_left(person) == second_factor.RECOVERY_CODES - 1
    assert AuditEntry.objects.filter(action="use recovery code").count() == 1


def test_the_second_step_waits_no_longer_than_some_minutes(client, person, codes, monkeypatch):
    log_in(client)
    monkeypatch.setattr("accounts.login_page.time.time", lambda: time.monotonic() + 10**10)
    assert answer_code(client, code_of(person)).url == reverse("admin:login")
    assert answer_code(Client(), code_of(person)).url == reverse("admin:login")


def test_codes_are_guessed_no_more_often_than_passwords(client, person, codes):
    for _ in range(6):
        log_in(client)
        answer_code(client, "000000")
    locked = log_in(client).content.decode()
    assert "Too many failed attempts" in locked


def test_a_device_goes_only_with_the_password(client, person, codes):
    client.force_login(person)
    page = reverse("admin:two_step")
    client.post(page, {"wish": "remove", "password": "wrong"})
    client.post(page, {"wish": "confirm", "code": code_of(person), "password": PASSWORD})
    assert second_factor.device_of(person) is not None
    client.post(page, {"wish": "renew", "password": PASSWORD})
    assert second_factor.codes_left(person) == second_factor.RECOVERY_CODES
    client.post(page, {"wish": "remove", "password": PASSWORD})
    assert second_factor.device_of(person) is None
    assert second_factor.codes_left(person) == 0


def test_who_needs_a_device_and_has_none_may_only_set_one_up(client, person, settings):
    settings.CONSOLE_REQUIRE_TWO_STEP = True
    client.force_login(person)
    for name in ("jobs_queue_changelist", "index", "accounts_user_changelist"):
        assert client.get(reverse(f"admin:{name}")).url == reverse("admin:two_step")
    assert client.get("/admin/analytics/usage/").url == reverse("admin:two_step")
    assert client.get("/api/v1/jobs").status_code == 401
    client.get(reverse("admin:two_step"))
    data = {"wish": "confirm", "code": code_of(person), "password": PASSWORD}
    client.post(reverse("admin:two_step"), data)
    assert is_in(client)


def test_nobody_sees_what_codes_are_made_of(client, person, codes):
    client.force_login(UserFactory(role="admin"))
    assert client.get("/admin/otp_totp/totpdevice/").status_code == 404
    assert client.get("/admin/otp_static/staticdevice/").status_code == 404
