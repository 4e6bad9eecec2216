import pytest
from django.urls import URLPattern, URLResolver, get_resolver, reverse

from config.api.problem_types import PROBLEM_TYPES
from tests.api_client import client_of, problem
from tests.factories import UserFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def schema():
    return client_of(UserFactory()).get(reverse("schema")).json()


def routes(patterns, prefix=""):
    for entry in patterns:
        route = prefix + str(entry.pattern).removeprefix("^").removesuffix("$").removesuffix("\\Z")
        if isinstance(entry, URLResolver):
            yield from routes(entry.url_patterns, route)
        elif isinstance(entry, URLPattern):
            yield route


def test_it_is_openapi_3_1(schema):
    assert schema["openapi"].startswith("3.1")


def test_it_lists_as_many_addresses_as_there_are(schema):
    there = {route for route in routes(get_resolver().url_patterns) if route.startswith("api/v1/")}
    assert len([path for path in schema["paths"] if path.startswith("/api/v1/")]) == len(there)


def test_every_operation_tells_its_problems_and_needs_a_key(schema):
    for path, operations in schema["paths"].items():
        for method, operation in operations.items():
            assert {"400", "429", "503"} <= operation["responses"].keys(), (path, method)
            if operation.get("security"):
                assert {"401", "403"} <= operation["responses"].keys(), (path, method)
            for status, response in operation["responses"].items():
                if int(status) >= 400:
                    assert "application/problem+json" in response["content"], (path, method, status)


def test_lists_tell_how_to_page(schema):
    operation = schema["paths"]["/api/v1/users"]["get"]
    assert {"limit", "cursor"} <= {parameter["name"] for parameter in operation["parameters"]}
    page = operation["responses"]["200"]["content"]["application/json"]["schema"]["$ref"].rpartition("/")[2]
    assert set(schema["components"]["schemas"][page]["required"]) == {"data", "page"}


def test_creating_requests_tell_of_the_idempotency_key(schema):
    parameters = schema["paths"]["/api/v1/users"]["post"]["parameters"]
    assert "Idempotency-Key" in [parameter["name"] for parameter in parameters]


def test_keys_go_into_the_header(schema):
    assert schema["components"]["securitySchemes"]["apiKey"]["scheme"] == "bearer"


def test_the_description_is_not_for_everybody(client):
    problem(client.get(reverse("schema")), 401, "not-authenticated")
    response = client.get(reverse("docs"))
    assert response.status_code == 302
    assert response["Location"].startswith(reverse("admin:login"))


def test_the_docs_page_needs_nothing_from_elsewhere(client):
    client.force_login(UserFactory(role="viewer"))
    page = client.get(reverse("docs"))
    assert page.status_code == 200
    text = page.content.decode()
    assert "/static/drf_spectacular_sidecar/swagger-ui-dist/" in text
    assert "//cdn" not in text
    assert client.get(reverse("schema")).status_code == 200


@pytest.mark.parametrize("code", PROBLEM_TYPES)
def test_every_problem_has_a_page(client, code):
    page = client.get(f"/problems/{code}")
    assert page.status_code == 200
    assert PROBLEM_TYPES[code].title in page.content.decode()


def test_the_list_of_problems_leads_to_each(client):
    text = client.get("/problems/").content.decode()
    assert all(f'href="/problems/{code}"' in text for code in PROBLEM_TYPES)
    assert client.get("/problems/no-such").status_code == 404
