"""The pages that `type` of a problem leads to."""

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from config.api.problem_types import PROBLEM_TYPES


@require_safe
def index(request: HttpRequest) -> HttpResponse:
    kinds = sorted(PROBLEM_TYPES.values(), key=lambda kind: (kind.status, kind.code))
    return render(request, "config/problems.html", {"kinds": kinds})


@require_safe
def page(request: HttpRequest, code: str) -> HttpResponse:
    kind = PROBLEM_TYPES.get(code)
    if kind is None:
        raise Http404
    return render(request, "config/problem.html", {"kind": kind})
