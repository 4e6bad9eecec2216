from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request


class FormatOrAccept(DefaultContentNegotiation):
    """JSON or CSV, as the parameter `format` says, else as Accept does.

    An unknown format gets JSON: the view refuses it as a wrong parameter, after it has looked at who is asking.
    """

    def select_renderer(
        self, request: Request, renderers: Sequence[BaseRenderer] | Any, format_suffix: str | None = None
    ) -> tuple[BaseRenderer, str]:
        asked = request.query_params.get("format")
        if asked is None:
            usual: tuple[BaseRenderer, str] = super().select_renderer(request, renderers, format_suffix)
            return usual
        chosen = next((renderer for renderer in renderers if renderer.format == asked), renderers[0])
        return chosen, chosen.media_type
