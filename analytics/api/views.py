from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

from django.db import router
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.views import APIView
from analytics.answers import Answer
from analytics.api.access import MayAsk, whose
from analytics.api.csv import CsvRenderer
from analytics.api.negotiation import FormatOrAccept
from analytics.api.parameters import PARAMETERS, ask
from analytics.api.schema import Schema
from analytics.models import UsageDay
from analytics.questions import Question


def described(name: str, answer: Schema, reads: frozenset[str]) -> Callable[[Any], Any]:
    """Describe a view's parameters and both forms of its answer."""
    parameters = [each for each in PARAMETERS.values() if each.name in reads]
    responses = {
        (200, "application/json"): OpenApiResponse(answer, "The figures."),
        (200, "text/csv"): OpenApiResponse(OpenApiTypes.STR, "The rows as a table; its first line has the names."),
    }
    return extend_schema(operation_id=name, tags=["analytics"], parameters=parameters, responses=responses)


class AnalyticsView(APIView):
    """Base class: an answer from the roll-ups, as JSON or as a table. Do not use directly."""

    permission_classes = (MayAsk,)
    renderer_classes = (JSONRenderer, CsvRenderer)
    content_negotiation_class = FormatOrAccept
    #: What a table is called as a file.
    name: ClassVar[str]
    #: The parameters that are read.
    reads: ClassVar[frozenset[str]]

    def databases(self) -> Sequence[str]:
        return (router.db_for_read(UsageDay),)

    def answer(self, question: Question, user_id: str) -> Answer:
        """Give the figures of one user, or of everyone if there is none."""
        raise NotImplementedError

    def respond(self, request: Request) -> Response:
        """Answer the question that the request's parameters are."""
        question = ask(request, self.reads)
        answer = self.answer(question, whose(request.user))
        headers = {"Data-Through": answer.data_through.isoformat()} if answer.data_through else {}
        if request.accepted_renderer.format == "json":
            return Response(answer.body(), headers=headers)
        days = f"{question.period.begin:%Y-%m-%d}-to-{question.period.end:%Y-%m-%d}"
        headers["Content-Disposition"] = f'attachment; filename="{self.name}-{days}.csv"'
        return Response(answer, headers=headers)

    def handle_exception(self, exc: Exception) -> Response:
        # A problem is JSON, whatever the answer would have been.
        self.request.accepted_renderer, self.request.accepted_media_type = JSONRenderer(), JSONRenderer.media_type
        return super().handle_exception(exc)
