"""The console speaks the language and shows the time zone that somebody chose; programs are answered in English."""

import pytest
from django.test import Client
from django.utils import timezone, translation

from accounts.models import User
from accounts.preferences import zone
from accounts.roles import Role
from tests.factories import UserFactory

pytestmark = pytest.mark.django_db
JAPANESE = {"accept-language": "ja"}


@pytest.fixture(params=[Role.VIEWER, Role.OPERATOR, Role.ADMIN])
def person(request):
    user = UserFactory(role=request.param)
    client = Client()
    client.force_login(user)
    client.user = user
    return client


def language_of(answer):
    return answer.content.decode().partition('<html lang="')[2].partition('"')[0]


def test_the_browser_decides_until_somebody_has_chosen(person):
    assert language_of(person.get("/admin/")) == "en"
    assert language_of(person.get("/admin/", headers=JAPANESE)) == "ja"
    assert language_of(person.get("/admin/", headers={"accept-language": "fr"})) == "en"
    answer = person.post("/admin/language/", {"language": "ja", "next": "/admin/preferences/"})
    assert answer.url == "/admin/preferences/"
    person.cookies.clear()
    person.force_login(person.user)
    assert language_of(person.get("/admin/")) == "ja"
    person.post("/admin/language/", {"language": "en"})
    assert language_of(person.get("/admin/", headers=JAPANESE)) == "en"


def test_whoever_logs_in_yet_may_switch_too(client):
    assert language_of(client.get("/admin/login/")) == "en"
    answer = client.post("/admin/language/", {"language": "ja", "next": "https://elsewhere.example.org/"})
    assert answer.url == "/admin/"
    assert language_of(client.get("/admin/login/")) == "ja"
    assert client.get("/admin/language/").status_code == 405
    client.post("/admin/language/", {"language": "tlh"})
    assert language_of(client.get("/admin/login/")) == "ja"


def test_programs_are_answered_in_english(client):
    for address in ("/api/v1/jobs", "/api/v1/nowhere", "/api/docs/", "/problems/"):
        answers = [client.get(address, headers=headers).content for headers in ({}, JAPANESE)]
        assert len(answers[0]) == len(answers[1]) and b'lang="ja"' not in answers[1], address
    assert translation.get_language() == "en"


def test_a_page_leaves_nothing_behind(person):
    person.get("/admin/", headers=JAPANESE)
    assert translation.get_language() == "en"
    assert timezone.get_current_timezone_name() == "UTC"


def test_preferences_are_everyones_own(person):
    other = UserFactory()
    page = person.get("/admin/preferences/").content.decode()
    assert 'value="Asia/Tokyo"' in page and "Preferences" in page
    answer = person.post("/admin/preferences/", {"language": "ja", "time_zone": "Asia/Tokyo"}, follow=True)
    assert language_of(answer) == "ja"
    kept = {user.pk: (user.language, user.time_zone) for user in User.objects.all()}
    assert kept == {person.user.pk: ("ja", "Asia/Tokyo"), other.pk: ("", "")}
    refused = person.post("/admin/preferences/", {"language": "ja", "time_zone": "../../etc/passwd"})
    assert refused.status_code == 200 and refused.context["form"].errors["time_zone"]
    person.post("/admin/preferences/", {"language": "", "time_zone": ""})
    assert not User.objects.exclude(language="", time_zone="").exists()


@pytest.mark.parametrize(
    ("cookie", "chosen", "shown"),
    [
        ("Asia/Tokyo", "", "JST"),
        ("Asia/Tokyo", "America/New_York", "E"),
        ("", "", "UTC"),
        ("../../etc/passwd", "", "UTC"),
        ("\x00", "Nowhere/Land", "UTC"),
    ],
)
def test_times_are_shown_where_the_operator_is(client, cookie, chosen, shown):
    user = UserFactory(role=Role.ADMIN, time_zone=chosen)
    client.force_login(user)
    client.cookies["ekiden_zone"] = cookie
    page = client.get("/admin/jobs/worker/", headers={"accept-language": "en"})
    assert page.status_code == 200
    assert zone(page.wsgi_request).key == (chosen if shown == "E" else cookie if shown == "JST" else "UTC")
