import asyncio
import re

import pytest
from django.http import HttpResponse
from django.test import RequestFactory
from rest_framework.test import APIClient

from config.api.middleware import ApiMiddleware
from tests.api_client import client_of, problem
from tests.factories import UserFactory

ME = "/api/v1/me"


@pytest.fixture
def client(db):
    return client_of(UserFactory())


@pytest.fixture
def production(settings):
    settings.DEBUG = False
    settings.DEBUG_PROPAGATE_EXCEPTIONS = False


@pytest.mark.parametrize("debug", [True, False])
@pytest.mark.parametrize("path", ["/api/", "/api/v1/nothing", "/api/v1/me/", "/health/nothing", "/api/v2/jobs"])
def test_addresses_that_do_not_exist(db, settings, path, debug):
    settings.DEBUG = debug
    settings.APPEND_SLASH = False
    problem(APIClient().get(path), 404, "not-found")


def test_pages_for_people_stay_pages(db, production):
    response = APIClient().get("/nothing")
    assert response.status_code == 404
    assert response["Content-Type"].startswith("text/html")


def test_a_method_that_is_not_allowed_keeps_its_allow_header(db):
    response = APIClient().post("/health")
    problem(response, 405, "method-not-allowed")
    assert response["Allow"] == "GET, HEAD"


def test_a_host_that_is_not_ours(client):
    problem(client.get(ME, HTTP_HOST="evil.example"), 400, "bad-request")


@pytest.mark.parametrize("path", [ME + "?x=%00", "/api/v1/users/%00", "/api/v1/users/a%00b/keys"])
def test_a_nul_in_the_url(client, path):
    problem(client.get(path), 400, "bad-request")


@pytest.mark.parametrize(
    "path", ["/api/v1/users/%ff%fe", "/api/v1/users/%ed%a0%80", ME + "?%ff=%ff", "/api/v1/%2e%2e/x"]
)
def test_odd_bytes_in_the_url_are_no_500(client, path):
    assert client.get(path).status_code in (200, 403, 404)


def test_a_body_without_a_length_is_not_taken_for_an_empty_one(client):
    response = client.generic("POST", "/api/v1/users", b"", HTTP_TRANSFER_ENCODING="chunked")
    problem(response, 411, "length-required")


@pytest.mark.parametrize("header", ["HTTP_X_HTTP_METHOD_OVERRIDE", "HTTP_X_HTTP_METHOD", "HTTP_X_METHOD_OVERRIDE"])
def test_method_override_headers_do_nothing(client, header):
    assert client.get(ME, **{header: "DELETE"}).status_code == 200


def test_what_is_not_accepted(client):
    problem(client.get(ME, HTTP_ACCEPT="application/xml"), 406, "not-acceptable")


def test_a_good_request_id_is_echoed(client):
    assert client.get(ME, HTTP_X_REQUEST_ID="abc-1.2_3")["X-Request-ID"] == "abc-1.2_3"


@pytest.mark.parametrize("sent", ["", "a b", "a\r\nSet-Cookie: x=1", "x" * 129, "é", "<script>"])
def test_others_are_replaced(client, sent):
    assert re.fullmatch(r"[0-9a-f]{32}", client.get(ME, HTTP_X_REQUEST_ID=sent)["X-Request-ID"])


def test_answers_are_not_for_shared_caches(client):
    assert client.get(ME)["Cache-Control"] == "private, no-cache"


def test_under_asgi_it_is_a_coroutine_and_does_the_same():
    async def missing(request):
        return HttpResponse("<h1>Not found</h1>", status=404)

    response = asyncio.run(ApiMiddleware(missing)(RequestFactory().get("/api/x")))
    assert response["Content-Type"] == "application/problem+json"
    assert response["X-Request-ID"]
