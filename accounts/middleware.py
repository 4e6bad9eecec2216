from __future__ import annotations

from collections.abc import Awaitable, Callable, Generator
from contextlib import AbstractContextManager, contextmanager
from typing import Any, Final
from zoneinfo import ZoneInfo

from asgiref.sync import iscoroutinefunction, markcoroutinefunction, sync_to_async
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils import timezone, translation
from django.utils.deprecation import MiddlewareMixin

from accounts import preferences
from accounts.row_security import acting_as, acting_as_system

#: Where people are; everything else is for programs.
PEOPLE: Final = "/admin/"


class PreferencesMiddleware:
    """Answer people in their language and time zone; what programs ask for passes as it is, without a thread."""

    sync_capable = True
    async_capable = True

    def __init__(self, get_response: Callable[[HttpRequest], Any]) -> None:
        self.get_response = get_response
        self.is_async = iscoroutinefunction(get_response)
        if self.is_async:
            markcoroutinefunction(self)

    def __call__(self, request: HttpRequest) -> HttpResponseBase | Awaitable[HttpResponseBase]:
        if not request.path_info.startswith(PEOPLE):
            answer: HttpResponseBase | Awaitable[HttpResponseBase] = self.get_response(request)
            return answer
        if self.is_async:
            return self._answer_async(request)
        with _speaking(*_preferred(request)):
            response: HttpResponseBase = self.get_response(request)
        return response

    async def _answer_async(self, request: HttpRequest) -> HttpResponseBase:
        with _speaking(*await sync_to_async(_preferred)(request)):
            response: HttpResponseBase = await self.get_response(request)
        return response


def _preferred(request: HttpRequest) -> tuple[str, ZoneInfo]:
    return preferences.language(request), preferences.zone(request)


@contextmanager
def _speaking(language: str, zone: ZoneInfo) -> Generator[None]:
    with translation.override(language), timezone.override(zone):
        yield


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
    if request.resolver_match is not None and request.resolver_match.url_name in {"login", "login_code"}:
        return acting_as_system()
    return acting_as(request.user)
