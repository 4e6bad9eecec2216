from __future__ import annotations

from rest_framework.exceptions import ErrorDetail, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from analytics import answers
from analytics.answers import Answer
from analytics.api import schema
from analytics.api.parameters import OF_USAGE
from analytics.api.views import AnalyticsView, described
from analytics.questions import MOST_SLOTS, Question


class UsageView(AnalyticsView):
    name = "usage"
    reads = OF_USAGE

    @described("analytics_usage", schema.of_use(), OF_USAGE)
    def get(self, request: Request) -> Response:
        """Tell how often each function was asked for, and with what success; `by=time`: in which hour or day."""
        return self.respond(request)

    def answer(self, question: Question, user_id: str) -> Answer:
        by_time = self.request.query_params.get("by", "function") == "time"
        if by_time and question.period.points > MOST_SLOTS and question.language_title is None:
            detail = f"More than {MOST_SLOTS} hours or days are told of one language_title only."
            raise ValidationError({"granularity": [ErrorDetail(detail, code="too-fine")]})
        return answers.of_use(question, user_id, by_time=by_time)
