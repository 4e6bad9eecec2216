"""Answers of `GET /jobs/{id}` that are kept for less than a second, for clients that ask again and again."""

from collections.abc import Callable
from functools import wraps
from typing import Any, Final
from uuid import UUID

from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.utils.cache import get_conditional_response
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.status import HTTP_304_NOT_MODIFIED

from accounts.api.etags import etag
from accounts.roles import STAFF
from jobs import catalogue, status_cache
from jobs.models import Job
from jobs.status_cache import Answer, Lease
from jobs.statuses import SETTLED

JSON: Final = "application/json"

Handler = Callable[..., HttpResponseBase]


def is_plain(request: Request) -> bool:
    """Tell whether the request asks for what is kept: no wait, no form of its own."""
    # Also before Redis is asked: who waits for an end is not to be told of what came before it.
    return (
        request.method == "GET"
        and not request.query_params
        and "Prefer" not in request.headers
        and getattr(request, "accepted_media_type", "") == JSON
    )


def look_first(view: Any, handler: Handler) -> Handler:
    """Make a handler that answers from what is kept, and else leaves the lease to keep the answer on the view."""

    @wraps(handler)
    def handle(request: Request, pk: UUID) -> HttpResponseBase:
        found = status_cache.look(pk)
        user: Any = request.user
        if found.answer and (user.role in STAFF or user.pk == found.answer.owner):
            if response := _answer(request, found.answer):
                return response
        # Whose job it is not goes to the database too, which tells nobody that it is there.
        view.lease = found.lease
        return handler(request, pk)

    return handle


def keep(lease: Lease | None, job: Job, made: HttpResponseBase) -> None:
    """Have the answer kept before it goes out; of one without a body only the version."""
    if lease is None:
        return
    if not may_be_kept(job):
        status_cache.keep(lease, None)
    elif isinstance(made, Response):
        made.add_post_render_callback(
            lambda response: status_cache.keep(lease, Answer(job.user_id, job.version, response.content))
        )
    else:
        status_cache.keep(lease, Answer(job.user_id, job.version, b""))


def may_be_kept(job: Job) -> bool:
    """Tell whether all who may see this job see the same, and it can end only through somebody who blocks it first.

    The database itself ends jobs with their parents, with what they wait for, or because they did not start in time.
    """
    # What its owner sees and what staff see are two answers.
    if catalogue.secrets_of(job.job_type).exist:
        return False
    return job.status in SETTLED or (job.parent_id is None and job.waits_for is None and job.expires_at is None)


def _answer(request: Request, kept: Answer) -> HttpResponseBase | None:
    response = HttpResponse(kept.body, content_type=JSON, headers={"ETag": etag(kept.version)})
    found = get_conditional_response(request._request, etag=response["ETag"], response=response)
    return found if kept.body or (found is not None and found.status_code == HTTP_304_NOT_MODIFIED) else None
