"""What browsers are told to refuse, whatever a page says: other hosts, inline script and style, frames, devices."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Final

from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.conf import settings
from django.http import HttpRequest
from django.http.response import HttpResponseBase

CSP: Final = "Content-Security-Policy"

_OURS: Final = ("script-src", "style-src", "img-src", "font-src", "connect-src", "media-src", "form-action")
DIRECTIVES: Final[dict[str, str]] = {
    "default-src": "'none'",
    **dict.fromkeys(_OURS, "'self'"),
    "base-uri": "'none'",
    "frame-ancestors": "'none'",
}
#: Nothing that a page of ours needs; it also keeps what gets into one from asking for it.
_NO_DEVICES: Final = ("camera", "display-capture", "geolocation", "microphone", "midi", "payment", "serial", "usb")
PERMISSIONS: Final = ", ".join(f"{device}=()" for device in _NO_DEVICES)


def policy(**changes: str) -> str:
    """Give the policy of a page, with other sources for some directives: `policy(img_src="'self' data:")`."""
    directives = {**DIRECTIVES, **{name.replace("_", "-"): sources for name, sources in changes.items()}}
    return "; ".join(f"{name} {sources}" for name, sources in directives.items())


#: Without a nonce it is the same for every answer.
POLICY: Final = policy()


class SecurityHeadersMiddleware:
    """Put the policy on every answer that has none of its own, static files too.

    It does no I/O and so runs in both worlds as it is.
    """

    sync_capable = True
    async_capable = True

    def __init__(self, get_response: Callable[[HttpRequest], Any]) -> None:
        self.get_response = get_response
        self.is_async = iscoroutinefunction(get_response)
        if self.is_async:
            markcoroutinefunction(self)

    def __call__(self, request: HttpRequest) -> HttpResponseBase | Awaitable[HttpResponseBase]:
        if self.is_async:
            return self._answer_async(request)
        return _guarded(self.get_response(request))

    async def _answer_async(self, request: HttpRequest) -> HttpResponseBase:
        return _guarded(await self.get_response(request))


def _guarded(response: HttpResponseBase) -> HttpResponseBase:
    # Django's page about an error of a developer's has its style inside.
    if not (settings.DEBUG and response.status_code in (404, 500)):
        response.headers.setdefault(CSP, POLICY)
    response.headers.setdefault("Cross-Origin-Resource-Policy", "same-origin")
    response.headers.setdefault("Permissions-Policy", PERMISSIONS)
    return response
