"""People who come to nothing are told so in the console's look and in their language, without a database too."""

import pytest
from django.core.exceptions import PermissionDenied, SuspiciousOperation
from django.http import Http404
from django.test import Client, RequestFactory
from django.utils import translation
from django.views import defaults
from django.views.csrf import csrf_failure

from accounts.roles import Role
from tests.factories import UserFactory

PAGES = {
    400: lambda request: defaults.bad_request(request, SuspiciousOperation("no")),
    403: lambda request: defaults.permission_denied(request, PermissionDenied("no")),
    404: lambda request: defaults.page_not_found(request, Http404("no")),
    500: defaults.server_error,
}


@pytest.mark.parametrize("status", PAGES)
def test_the_pages_need_no_database(status):
    """pytest-django refuses every connection here."""
    for language, words in (("en", "Ekiden"), ("ja", "コンソールへ" if status != 500 else "もう一度")):
        with translation.override(language):
            answer = PAGES[status](RequestFactory().get("/admin/x/"))
        page = answer.content.decode()
        assert answer.status_code == status
        assert f'<html lang="{language}">' in page and words in page and str(status) in page
        assert "<script>" not in page and "style=" not in page


def test_an_old_form_is_told_why():
    answer = csrf_failure(RequestFactory().post("/admin/x/"), "CSRF cookie not set.")
    assert answer.status_code == 403 and "This form is too old" in answer.content.decode()


@pytest.mark.django_db
def test_people_see_them(client):
    client.force_login(UserFactory(role=Role.VIEWER))
    assert "There is nothing at this address" in client.get("/admin/jobs/nothing/").content.decode()
    assert "Your role does not allow this" in client.get("/admin/accounts/user/add/").content.decode()
    strict = Client(enforce_csrf_checks=True)
    assert "This form is too old" in strict.post("/admin/login/", {"username": "x"}).content.decode()


@pytest.mark.django_db
def test_programs_get_problems_instead(client):
    assert client.get("/api/v1/nowhere").headers["Content-Type"] == "application/problem+json"
