from uuid import uuid4

import pytest
from django.core.exceptions import PermissionDenied, RequestDataTooBig, SuspiciousOperation, ValidationError
from django.db import DataError, InterfaceError, OperationalError
from django.http import Http404
from django.http.request import UnreadablePostError
from rest_framework import exceptions as drf
from rest_framework.request import Request
from rest_framework.test import APIRequestFactory

from config.api.problem_types import PROBLEM_TYPES
from config.api.problems import exception_handler
from jobs import exceptions as jobs
from tests.api_client import client_of, problem
from tests.factories import UserFactory


def answer(exc, method="POST"):
    request = Request(APIRequestFactory().generic(method, "/api/v1/jobs"))
    response = exception_handler(exc, {"request": request})
    return response and {**response.data, "headers": dict(response.headers)}


VIOLATION = jobs.Violation("/to/0", "format", "is no address")


@pytest.mark.parametrize(
    ("exc", "status", "code"),
    [
        (jobs.InvalidPayload([VIOLATION]), 422, "invalid-payload"),
        (jobs.UnknownJobType("nope"), 422, "unknown-job-type"),
        (jobs.InvalidOption("priority", "must be at most 100"), 422, "invalid-option"),
        (jobs.InvalidState("cancel", "completed"), 409, "invalid-state"),
        (jobs.StaleVersion(4), 412, "stale-version"),
        (jobs.UniqueKeyTaken("k", uuid4()), 409, "unique-key-conflict"),
        (Http404("No Job matches the given query."), 404, "not-found"),
        (PermissionDenied(), 403, "permission-denied"),
        (RequestDataTooBig(), 413, "body-too-large"),
        (SuspiciousOperation("secret detail"), 400, "bad-request"),
        (UnreadablePostError("gone"), 400, "bad-request"),
        (ValidationError("x"), 422, "validation"),
        (DataError("out of range: SELECT secret"), 400, "bad-request"),
        (OperationalError("connection to 10.0.0.1 refused"), 503, "unavailable"),
        (InterfaceError("closed"), 503, "unavailable"),
        (drf.ParseError("x"), 400, "malformed-json"),
        (drf.NotAuthenticated(), 401, "not-authenticated"),
        (drf.AuthenticationFailed(), 401, "invalid-key"),
        (drf.PermissionDenied(), 403, "permission-denied"),
        (drf.NotFound(), 404, "not-found"),
        (drf.MethodNotAllowed("PUT"), 405, "method-not-allowed"),
        (drf.NotAcceptable(), 406, "not-acceptable"),
        (drf.UnsupportedMediaType("x"), 415, "unsupported-media-type"),
        (drf.Throttled(wait=7), 429, "rate-limit-exceeded"),
        (drf.ValidationError({"a": ["b"]}), 422, "validation"),
        (drf.APIException("x"), 500, "internal-error"),
    ],
)
def test_every_exception_has_its_problem(exc, status, code):
    body = answer(exc)
    assert (body["status"], body["code"]) == (status, code)
    assert PROBLEM_TYPES[code].status == status
    assert body["instance"] == "/api/v1/jobs"
    assert not any(word in str(body) for word in ("secret", "SELECT", "10.0.0.1"))


def test_an_unexpected_exception_is_let_through_to_be_logged():
    assert answer(KeyError("x")) is None


def test_payload_violations_point_into_the_payload():
    body = answer(jobs.InvalidPayload([VIOLATION]))
    assert body["errors"] == [{"pointer": "#/payload/to/0", "code": "format", "detail": "is no address"}]


def test_the_present_state_is_told():
    assert answer(jobs.InvalidState("cancel", "completed"))["current_state"] == "completed"


def test_waiting_times_are_told():
    assert answer(drf.Throttled(wait=7))["headers"]["Retry-After"] == "7"
    assert int(answer(OperationalError())["headers"]["Retry-After"]) > 0


@pytest.mark.parametrize(
    ("detail", "pointers"),
    [
        ({"a": ["x"]}, ["#/a"]),
        ({"a": {"b/c": ["x", "y"]}}, ["#/a/b~1c", "#/a/b~1c"]),
        ({"non_field_errors": ["x"], "items": {"non_field_errors": ["y"]}}, ["#", "#/items"]),
        ({"items": [{}, {"a": ["x"]}]}, ["#/items/1/a"]),
        ({"items": {1: {"a": ["x"]}}}, ["#/items/1/a"]),
        (["x"], ["#"]),
        ("x", ["#"]),
    ],
)
def test_nested_errors_become_pointers(detail, pointers):
    assert [error["pointer"] for error in answer(drf.ValidationError(detail))["errors"]] == pointers


def test_on_reading_the_parameter_is_named():
    body = answer(drf.ValidationError({"status": ["No such status."]}), "GET")
    assert (body["status"], body["code"]) == (400, "invalid-parameter")
    assert body["errors"] == [{"parameter": "status", "code": "invalid", "detail": "No such status."}]


def test_members_of_an_exception_cannot_replace_those_of_the_standard():
    exc = drf.APIException("x")
    exc.members = {"status": 1, "job_id": "7"}
    body = answer(exc)
    assert (body["status"], body["job_id"]) == (500, "7")


@pytest.mark.django_db
def test_a_bug_is_a_500_without_internals_and_is_logged(monkeypatch, caplog):
    client = client_of(UserFactory())

    def crash(*args):
        raise RuntimeError("psycopg says SELECT password FROM users")

    monkeypatch.setattr("accounts.api.me.MeView.get", crash)
    body = problem(client.get("/api/v1/me"), 500, "internal-error")
    assert "password" not in str(body)
    assert "psycopg says" in caplog.text


@pytest.mark.django_db
def test_a_database_that_is_away_is_a_503(monkeypatch):
    client = client_of(UserFactory())

    def refuse(*args):
        raise OperationalError("connection refused by psycopg")

    monkeypatch.setattr("accounts.keys.find_owner", refuse)
    response = client.get("/api/v1/me")
    problem(response, 503, "unavailable")
    assert response["Retry-After"]
