"""What each handler of the API may rely on: one transaction, on behalf of whoever asks."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.http import HttpResponse
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.test import APIRequestFactory, force_authenticate

from accounts.api.views import APIView, GenericViewSet, ViewSet
from accounts.models import User, Workspace
from jobs.api.time_limit import time_limit
from tests.api_client import client_of
from tests.factories import UserFactory

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("handlers_as_app")]

Handler = Callable[[Any, Request], Any]


@pytest.fixture
def ada() -> User:
    return UserFactory(user_id="ada")


def answer(user: User, handler: Handler) -> Response:
    """Let a view with this handler answer a request of the user."""

    class View(APIView):
        permission_classes = ()
        post = handler

    request = APIRequestFactory().post("/")
    force_authenticate(request, user)
    return View.as_view()(request)


def setting(name: str) -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting(%s, true)", [name])
        return str(cursor.fetchone()[0] or "")


def test_the_handler_works_for_who_asks_and_nothing_is_left(ada: User) -> None:
    def post(view: Any, request: Request) -> Response:
        assert connection.in_atomic_block
        return Response([setting("role"), setting("app.current_user_id"), setting("app.current_role")])

    assert answer(ada, post).data == ["ekiden_app", "ada", "user"]
    ada.role = "viewer"
    assert answer(ada, post).data == ["ekiden_operator", "ada", "viewer"]
    assert not connection.in_atomic_block
    assert [setting("role"), setting("app.current_user_id")] == ["none", ""]


@pytest.mark.parametrize("kept", [False, True])
def test_what_is_raised_takes_back_what_was_done_and_what_is_returned_does_not(ada: User, kept: bool) -> None:
    def post(view: Any, request: Request) -> Response:
        Workspace.objects.create(name="w")
        if not kept:
            raise ValidationError
        return Response(status=400)

    assert answer(ada, post).status_code == (400 if kept else 422)
    assert Workspace.objects.exists() is kept


def test_an_unexpected_error_takes_back_what_was_done(ada: User) -> None:
    def post(view: Any, request: Request) -> Response:
        Workspace.objects.create(name="w")
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        answer(ada, post)
    assert not Workspace.objects.exists()


def test_an_error_of_the_database_can_be_dealt_with_in_a_savepoint(ada: User) -> None:
    def post(view: Any, request: Request) -> Response:
        Workspace.objects.create(name="w")
        with pytest.raises(IntegrityError), transaction.atomic():
            Workspace.objects.create(name="w")
        return Response(setting("app.current_user_id"))

    assert answer(ada, post).data == "ada"
    assert Workspace.objects.count() == 1


def test_a_time_limit_ends_with_its_block(ada: User) -> None:
    def post(view: Any, request: Request) -> Response:
        before = setting("statement_timeout")
        with time_limit(3):
            inside = setting("statement_timeout")
        return Response([inside, setting("statement_timeout") == before])

    assert answer(ada, post).data == ["3s", True]


def test_a_request_that_fails_counts_against_the_limit(ada: User) -> None:
    client = client_of(ada)
    left = [client.post("/api/v1/jobs", {"type": "there is none"})["RateLimit"] for _ in range(2)]
    first, second = (int(text.split("r=")[1].split(";")[0]) for text in left)
    assert second == first - 1


def test_what_the_database_forbids_is_no_error_of_ours(ada: User) -> None:
    def post(view: Any, request: Request) -> Response:
        UserFactory(user_id="eve")
        return Response()

    response = answer(ada, post)
    assert (response.status_code, response.data["code"]) == (403, "permission-denied")
    assert not User.objects.filter(user_id="eve").exists()


def test_sets_of_views_do_the_same(ada: User) -> None:
    for kind in (ViewSet, GenericViewSet):

        class Views(kind):  # type: ignore[misc, valid-type]
            permission_classes = ()

            def list(self, request: Request) -> HttpResponse:
                return HttpResponse(setting("app.current_user_id"))

        for method in ("get", "head"):
            request = getattr(APIRequestFactory(), method)("/")
            force_authenticate(request, ada)
            assert Views.as_view({"get": "list"})(request).content == b"ada"
