from __future__ import annotations

from rest_framework.request import Request
from rest_framework.response import Response

from analytics import answers, figures
from analytics.answers import Answer
from analytics.api import schema
from analytics.api.parameters import ALL
from analytics.api.views import AnalyticsView, described
from analytics.questions import Question


class TimeseriesView(AnalyticsView):
    name = "timeseries"
    reads = ALL

    @described("analytics_timeseries", schema.of_times(), ALL)
    def get(self, request: Request) -> Response:
        """Tell all figures by the hour or day, also where nothing happened: of all functions together, or of one."""
        return self.respond(request)

    def answer(self, question: Question, user_id: str) -> Answer:
        return answers.of_times(question, user_id, figures.everything)
