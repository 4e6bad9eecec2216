from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.deprecation import MiddlewareMixin

from accounts.row_security import acting_as, acting_as_system


class AdminActorMiddleware(MiddlewareMixin):
    """Run each page of the admin in one transaction, on behalf of who is logged in.

    It comes last, so that what the others refuse gets no transaction; and it runs the view by itself, because an error
    has to take back what the view did before anything turns it into a page.
    """

    def process_view(
        self, request: HttpRequest, view: Callable[..., HttpResponseBase], args: Any, kwargs: Any
    ) -> HttpResponseBase | None:
        if request.resolver_match is None or "admin" not in request.resolver_match.app_names:
            return None
        with _actor(request):
            response = view(request, *args, **kwargs)
            # The page reads what it shows: it is too late for that after the transaction.
            if callable(render := getattr(response, "render", None)):
                response = render()
        return response


def _actor(request: HttpRequest) -> AbstractContextManager[None]:
    # Who asks to be let in is looked up, and their login noted.
    if request.resolver_match is not None and request.resolver_match.url_name == "login":
        return acting_as_system()
    return acting_as(request.user)
