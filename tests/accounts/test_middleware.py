import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client

from accounts.models import User, Workspace
from accounts.roles import Role
from jobs.models import Job
from tests.factories import UserFactory

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("handlers_as_app")]

PASSWORD = "correct horse battery staple"


def browser(role: Role) -> Client:
    user = UserFactory(user_id="ada", role=role)
    user.set_password(PASSWORD)
    user.save()
    client = Client(raise_request_exception=False)
    response = client.post("/admin/login/?next=/admin/", {"username": "ada", "password": PASSWORD})
    assert response.status_code == 302, response.content
    return client


def test_a_page_shows_staff_the_rows_of_everyone() -> None:
    operator = browser(Role.OPERATOR)
    job = Job.objects.create(job_type="note", user=UserFactory())
    assert str(job.pk) in operator.get("/admin/jobs/job/").content.decode()
    assert User.objects.get(user_id="ada").last_login is not None


def test_only_admins_change_users_and_everybody_of_staff_their_password() -> None:
    operator = browser(Role.OPERATOR)
    eve = UserFactory(user_id="eve")
    assert operator.post(f"/admin/accounts/user/{eve.pk}/change/", {"role": "admin"}).status_code == 403
    new = "another horse battery staple"
    form = {"old_password": PASSWORD, "new_password1": new, "new_password2": new}
    assert operator.post("/admin/password_change/", form).status_code == 302
    assert User.objects.get(user_id="ada").check_password(new)
    # The session goes on.
    assert operator.get("/admin/").status_code == 200


def test_an_admin_makes_users() -> None:
    admin = browser(Role.ADMIN)
    form = {"user_id": "eve", "role": "user", "usable_password": "false", "tier": "free", "rate_limit_per_minute": 9}
    assert admin.post("/admin/accounts/user/add/", form).status_code == 302
    assert User.objects.filter(user_id="eve").exists()


def test_an_error_in_a_page_takes_back_what_it_did(monkeypatch: pytest.MonkeyPatch) -> None:
    admin = browser(Role.ADMIN)

    def fail(*args: object, **kwargs: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("django.contrib.admin.ModelAdmin.response_add", fail)
    assert admin.post("/admin/accounts/workspace/add/", {"name": "w"}).status_code == 500
    assert not Workspace.objects.exists() and not LogEntry.objects.exists()


def test_who_is_not_logged_in_is_sent_to_the_login() -> None:
    assert Client().get("/admin/jobs/job/").status_code == 302
    assert Client().get("/admin/login/").status_code == 200
