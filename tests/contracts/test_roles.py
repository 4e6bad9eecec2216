"""Every address of the console as every role: whoever adds a page finds here whether it lets in whom it should.

Addresses are taken from the URL configuration, so that none is forgotten; what stands for a row in them is one that
does not exist, because who may do a thing is asked before what it would be done to.
"""

from collections.abc import Iterator
from typing import Any
from uuid import UUID

import django
import pytest
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from accounts.models import User
from accounts.roles import Role
from jobs.models import AuditEntry
from tests.factories import UserFactory

pytestmark = pytest.mark.django_db

#: For people who are not logged in yet, or of their own account.
PERSONAL = {
    *("login", "login_code", "logout", "password_change", "password_change_done", "two_step", "jsi18n"),
    *("preferences", "switch-language"),
}
#: Looking at things by POST, or keeping something for oneself: reading, for which the viewer's role is.
READING = {
    *("jobs_job_export", "jobs_auditentry_export", "analytics_requestlog_export"),
    *("health-look", "jobs_podcast_audio"),
}
NOBODY = UUID(int=0)


def _walk(patterns: Any, before: str = "", inside: bool = False) -> Iterator[tuple[str, str]]:
    for pattern in patterns:
        here = before + str(pattern.pattern).lstrip("^").rstrip("$")
        if isinstance(pattern, URLResolver):
            yield from _walk(pattern.url_patterns, here, inside)
        elif isinstance(pattern, URLPattern) and here.startswith("admin/"):
            yield str(pattern.name), here


def addresses() -> dict[str, str]:
    """Give each address of the console by its name, with a row that is not there in the place of each row."""
    found = {}
    for name, here in _walk(get_resolver().url_patterns):
        filled = "/" + here.replace("\\Z", "")
        for kind, value in (("path:", "0"), ("uuid:", str(NOBODY)), ("str:", "nothing"), ("int:", "0"), ("slug:", "x")):
            while f"<{kind}" in filled:
                start = filled.index(f"<{kind}")
                row = str(NOBODY) if kind == "path:" else value
                filled = filled[:start] + row + filled[filled.index(">", start) + 1 :]
        if "(" not in filled and "<" not in filled and name not in PERSONAL and name != "None":
            found[name] = filled
    return found


def client_of(role: Role) -> Client:
    client = Client()
    client.force_login(UserFactory(user_id=f"the-{role}", role=role))
    return client


def test_the_walk_finds_the_console() -> None:
    names = addresses()
    assert len(names) > 150
    assert {
        "jobs_job_cancel",
        "jobs_queue_pause",
        "accounts_user_rotate_key",
        "usage",
        "jobs_schedule_add",
    } <= names.keys()


@pytest.mark.parametrize(("role", "method"), [(Role.USER, "post"), (Role.WORKER, "get"), (None, "get")])
def test_those_who_are_not_staff_see_nothing_of_it(role: Role | None, method: str) -> None:
    client = client_of(role) if role else Client()
    for name, address in addresses().items():
        answer = getattr(client, method)(address)
        assert answer.status_code == 302 and "/admin/login/" in answer["Location"], (name, answer)


def _is_told_of_nobody(name: str, answer: Any) -> bool:
    """From Django 6.1 on its own forms look for the row, which is none here, before they look at rights."""
    late = django.VERSION >= (6, 1) and name.endswith("_change") and answer.status_code == 302
    return bool(late and answer["Location"] == "/admin/")


def test_a_viewer_changes_nothing() -> None:
    client = client_of(Role.VIEWER)
    allowed = {}
    for name, address in addresses().items():
        answer = client.post(address, {"reason": "x", "confirm": "yes"})
        if answer.status_code not in (403, 405) and not _is_told_of_nobody(name, answer):
            allowed[name] = answer.status_code
    wrong = {name: code for name, code in allowed.items() if name not in READING and not _is_reading(name)}
    assert wrong == {}, sorted(wrong)
    assert not AuditEntry.objects.exclude(action="export").exists()


def test_an_operator_manages_no_users() -> None:
    client = client_of(Role.OPERATOR)
    for name, address in addresses().items():
        if name.startswith(("accounts_", "auth_")) and not _is_reading(name):
            answer = client.post(address, {"reason": "x"})
            assert answer.status_code in (403, 405) or _is_told_of_nobody(name, answer), name
    assert User.objects.count() == 1


@pytest.mark.parametrize("role", [Role.VIEWER, Role.ADMIN])
def test_all_staff_read_every_list_and_page(role: Role) -> None:
    client = client_of(role)
    for name, address in addresses().items():
        if name.endswith("_changelist") or name in ("index", "usage", "performance", "errors", "cache"):
            answer = client.get(address)
            # One list is of a row of another, and leads to the choice of that.
            assert answer.status_code == 200 or answer["Location"].startswith("/admin/jobs/"), name


def _is_reading(name: str) -> bool:
    """A list, which answers a POST without an act as it answers a GET; or an address that leads on to another."""
    return name.endswith(("_changelist", "_history", "_autocomplete", "_complete", "_preview")) or name in (
        *("index", "autocomplete", "app_list", "view_on_site", "usage", "performance", "errors", "cache"),
    )
