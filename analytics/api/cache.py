from __future__ import annotations

from rest_framework.request import Request
from rest_framework.response import Response

from analytics import answers
from analytics.answers import Answer
from analytics.api import schema
from analytics.api.parameters import WITHOUT_PERCENTILES
from analytics.api.views import AnalyticsView, described
from analytics.questions import Question


class CacheView(AnalyticsView):
    name = "cache"
    reads = WITHOUT_PERCENTILES

    @described("analytics_cache", schema.of_cache(), WITHOUT_PERCENTILES)
    def get(self, request: Request) -> Response:
        """Tell how often each function was answered from the cache of results, and how fast."""
        return self.respond(request)

    def answer(self, question: Question, user_id: str) -> Answer:
        return answers.of_cache(question, user_id)
