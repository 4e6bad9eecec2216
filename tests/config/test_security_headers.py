import pytest
from django.test import Client

from accounts.roles import Role
from config.security_headers import POLICY, policy
from tests.factories import UserFactory

pytestmark = pytest.mark.django_db


def test_the_policy_lets_nothing_in_but_files_of_ours():
    sources = dict(directive.split(" ", 1) for directive in POLICY.split("; "))
    assert sources["default-src"] == sources["base-uri"] == sources["frame-ancestors"] == "'none'"
    assert set(sources.values()) == {"'none'", "'self'"}


@pytest.mark.parametrize(
    "path", ["/admin/login/", "/admin/", "/api/v1/jobs", "/problems/", "/problems/nope", "/health/live", "/nowhere"]
)
def test_every_answer_has_the_policy_and_its_companions(client, path):
    answer = client.get(path)
    assert answer["Content-Security-Policy"] == POLICY
    assert answer["Cross-Origin-Opener-Policy"] == answer["Cross-Origin-Resource-Policy"] == "same-origin"
    assert "camera=()" in answer["Permissions-Policy"]
    assert answer["X-Frame-Options"] == "DENY"
    assert answer["X-Content-Type-Options"] == "nosniff"


def test_the_page_of_the_api_may_have_pictures_in_its_style_and_nothing_more():
    client = Client()
    client.force_login(UserFactory(role=Role.VIEWER))
    for path in ("/api/docs/", "/api/docs/?script="):
        assert client.get(path)["Content-Security-Policy"] == policy(img_src="'self' data:")


def test_a_failing_view_is_guarded_too(client, settings):
    client.raise_request_exception = False
    settings.ROOT_URLCONF = "tests.config.failing_urls"
    answer = client.get("/fails")
    assert (answer.status_code, answer["Content-Security-Policy"]) == (500, POLICY)


def test_pages_with_data_are_kept_by_nobody():
    client = Client()
    client.force_login(UserFactory(role=Role.VIEWER))
    for path in ("/admin/jobs/queue/", "/admin/jobs/job/", "/admin/analytics/usage/"):
        assert "no-store" in client.get(path)["Cache-Control"]
