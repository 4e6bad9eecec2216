"""Who may come in, and what is secret, as people meet it: two-step login, a revealed secret, a rotated key."""

import os
import re
import time
from pathlib import Path

import pytest
from django_otp.oath import TOTP
from django_otp.plugins.otp_totp.models import TOTPDevice
from playwright.sync_api import expect

from accounts import keys
from accounts.roles import Role
from jobs.models import AuditEntry
from tests.browser.conftest import PASSWORD
from tests.browser.test_pictures import shoot
from tests.factories import UserFactory
from tests.jobs.rows import new_job
from tests.jobs.secretive import PAYLOAD, SECRET, secretive

pytestmark = pytest.mark.django_db(transaction=True)
KEPT = Path(os.environ["EKIDEN_PICTURES"]) if os.environ.get("EKIDEN_PICTURES") else None


def code(steps=0):
    device = TOTPDevice.objects.get()
    totp = TOTP(device.bin_key, device.step, device.t0, device.digits)
    totp.time = time.time() + steps * device.step
    return f"{totp.token():06d}"


def test_a_device_is_set_up_and_then_asked_for_at_login(console, live_server, operator):
    console.locator(".me summary").click()
    console.get_by_role("link", name="Two-step login").click()
    expect(console.locator("svg.qr")).to_be_visible()
    shoot(console, "two-step", KEPT)
    console.get_by_label("Code").fill(code(-1))
    console.get_by_label("Your password").fill(PASSWORD)
    console.get_by_role("button", name="Switch it on").click()
    expect(console.locator(".recovery-codes li")).to_have_count(10)
    recovery = console.locator(".recovery-codes li").first.inner_text()
    shoot(console, "recovery-codes", KEPT)
    for answer in (code(), recovery):
        console.goto(f"{live_server.url}/admin/")
        console.locator(".me summary").click()
        console.get_by_role("button", name="Log out").click()
        console.goto(f"{live_server.url}/admin/jobs/queue/")
        console.get_by_label("User id").fill(operator.user_id)
        console.get_by_label("Password").fill(PASSWORD)
        console.get_by_role("button", name="Log in").click()
        expect(console.get_by_label("Code")).to_be_focused()
        shoot(console, "login-code", KEPT)
        console.get_by_label("Code").fill(answer)
        console.get_by_role("button", name="Go on").click()
        expect(console.get_by_role("heading", level=1)).to_have_text("Queues")


def test_a_secret_is_revealed_once_for_a_reason(console, live_server):
    with secretive() as kind:
        job = new_job(kind, payload=PAYLOAD)
        console.goto(f"{live_server.url}/admin/jobs/job/{job.pk}/change/")
        expect(console.get_by_text("••••••").first).to_be_visible()
        expect(console.get_by_text(SECRET)).to_have_count(0)
        console.get_by_role("link", name="Reveal…").click()
        console.get_by_label("Reason").fill("The customer asked which key they had sent.")
        shoot(console, "reveal", KEPT)
        console.get_by_role("button", name="Reveal the secret values").click()
        expect(console.get_by_text(SECRET)).to_be_visible()
        shoot(console, "revealed", KEPT)
        console.get_by_role("link", name="Back").click()
        expect(console.get_by_text(SECRET)).to_have_count(0)
    assert AuditEntry.objects.get(action="reveal").reason.startswith("The customer")


def test_an_administrator_rotates_a_key_and_finds_it_in_the_audit_log(console, live_server, operator):
    type(operator).objects.filter(pk=operator.pk).update(role=Role.ADMIN)
    program = UserFactory(user_id="importer", name="The nightly import")
    former = keys.issue(program)
    console.goto(f"{live_server.url}/admin/accounts/user/")
    shoot(console, "users", KEPT)
    console.get_by_role("link", name="importer").click()
    shoot(console, "user", KEPT)
    console.get_by_role("link", name="Rotate the API key…").click()
    console.get_by_label("The present key goes on for").select_option("One hour")
    console.get_by_label("Reason").fill("It stood in a log.")
    shoot(console, "rotate", KEPT)
    console.get_by_role("button", name="Rotate the API key").click()
    shown = console.locator("#new-key").inner_text()
    shoot(console, "new-key", KEPT)
    assert re.fullmatch("ekiden_live_[0-9A-Za-z]{46}", shown)
    assert keys.find_owner(shown) == keys.find_owner(former) == program
    console.get_by_role("link", name="I have kept it").click()
    expect(console.get_by_text(shown)).to_have_count(0)
    console.goto(f"{live_server.url}/admin/jobs/auditentry/?action=rotate+key")
    shoot(console, "audit", KEPT)
    console.locator("#result_list th a").first.click()
    expect(console.locator("#changes")).to_contain_text(shown[-4:])
    shoot(console, "audit-entry", KEPT)
    for name, path in (("locks", "accounts/loginlock/"), ("requests", "analytics/requestlog/")):
        console.goto(f"{live_server.url}/admin/{path}")
        shoot(console, name, KEPT)
