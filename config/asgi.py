"""The web process, for an ASGI server: long answers on the event loop, all others on threads."""

import os
import re
from typing import Any

# A web process serves many requests at once and keeps a pool of database connections; the settings look here.
os.environ.setdefault("EKIDEN_PROCESS", "web")
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

from django.conf import settings
from django.core.handlers.asgi import ASGIHandler
from django.core.wsgi import get_wsgi_application

from config.threads import Receive, Scope, Send, Threads

#: Event streams, audio, and requests that ask to wait: they last, so they may not hold a thread.
LASTING_QUERY = re.compile(rb"(^|&)wait=")
LASTING_URLS = "config.lasting_urls"


class LastingHandler(ASGIHandler):
    """Serve the same addresses, by views that wait without a thread."""

    def create_request(self, scope: Any, body_file: Any) -> Any:
        request, refusal = super().create_request(scope, body_file)
        if request is not None:
            request.urlconf = LASTING_URLS
        return request, refusal


# Sets Django up, so it comes first.
on_threads = Threads(get_wsgi_application(), settings.WEB_THREADS, settings.DATA_UPLOAD_MAX_MEMORY_SIZE)
on_loop = LastingHandler()


def lasts(scope: Scope) -> bool:
    """Tell whether the answer may be long in coming."""
    return bool(
        # Whoever listens takes the file as slowly as it is played.
        scope["path"].rstrip("/").endswith(("/events", "/audio"))
        or LASTING_QUERY.search(scope.get("query_string", b""))
        or any(name == b"prefer" and b"wait" in value.lower() for name, value in scope["headers"])
    )


async def application(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] != "http":
        raise ValueError(f"Only HTTP is served here, not {scope['type']}.")
    await (on_loop if lasts(scope) else on_threads)(scope, receive, send)  # type: ignore[arg-type]
