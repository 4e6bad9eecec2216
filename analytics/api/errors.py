from __future__ import annotations

from rest_framework.request import Request
from rest_framework.response import Response

from analytics import answers
from analytics.answers import Answer
from analytics.api import schema
from analytics.api.parameters import WITHOUT_PERCENTILES
from analytics.api.views import AnalyticsView, described
from analytics.questions import Question


class ErrorsView(AnalyticsView):
    name = "errors"
    reads = WITHOUT_PERCENTILES

    @described("analytics_errors", schema.of_errors(), WITHOUT_PERCENTILES)
    def get(self, request: Request) -> Response:
        """List what went wrong, by function and kind of error: one for each failed attempt; `totals` are requests."""
        return self.respond(request)

    def answer(self, question: Question, user_id: str) -> Answer:
        return answers.of_errors(question, user_id)
