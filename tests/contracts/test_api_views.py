"""Every address of the API is served by a view that works on behalf of whoever asks."""

import inspect
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.urls import URLPattern, URLResolver, get_resolver

from accounts.api.views import APIView


def addresses(urlconf: str) -> Iterator[tuple[str, Callable[..., Any]]]:
    """Give each route below /api/ with its view."""
    return _below(get_resolver(urlconf), "")


def _below(resolver: URLResolver, prefix: str) -> Iterator[tuple[str, Callable[..., Any]]]:
    for pattern in resolver.url_patterns:
        route = prefix + str(pattern.pattern)
        if isinstance(pattern, URLPattern):
            if route.startswith("api/"):
                yield route, pattern.callback
        elif not route or route.startswith("api/"):
            yield from _below(pattern, route)


def view_class(view: Callable[..., Any]) -> Any:
    """Find the class below what decorates it, such as login_required, waiting and streaming."""
    return getattr(inspect.unwrap(view, stop=lambda each: hasattr(each, "cls")), "cls", object)


@pytest.mark.parametrize("urlconf", ["config.urls", "config.lasting_urls"])
def test_every_view_of_the_api_works_for_whoever_asks(urlconf: str) -> None:
    found = dict(addresses(urlconf))
    assert {"api/v1/jobs", "api/v1/me", "api/openapi.json", "api/docs/"} <= found.keys()
    others = [route for route, view in found.items() if not issubclass(view_class(view), APIView)]
    assert others == []
