from __future__ import annotations

from rest_framework.request import Request
from rest_framework.response import Response

from analytics import answers, figures
from analytics.answers import Answer
from analytics.api import schema
from analytics.api.parameters import ALL
from analytics.api.views import AnalyticsView, described
from analytics.questions import Question


class PerformanceView(AnalyticsView):
    name = "performance"
    reads = ALL

    @described("analytics_performance", schema.of_functions(schema.PERFORMANCE), ALL)
    def get(self, request: Request) -> Response:
        """Tell how long each function took, from the request to the end of the work, and what it used."""
        return self.respond(request)

    def answer(self, question: Question, user_id: str) -> Answer:
        return answers.of_functions(question, user_id, figures.performance)
