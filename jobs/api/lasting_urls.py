"""Addresses for a handler on an event loop: here a request that asks to wait does so.

Other handlers run the plain view, because a coroutine costs a thread of a pool a loop of its own.
"""

from django.urls import path

from jobs.api.invoke import InvokedView, InvokeView
from jobs.api.jobs import JobViewSet
from jobs.api.sessions import SessionViewSet
from jobs.api.urls import JOB
from jobs.api.waiting import waiting
from jobs.api.worker.claim import ClaimView
from jobs.api.worker.waiting import waiting_for_work

urlpatterns = [
    path(
        "jobs/<uuid:pk>",
        # The wait has been paid for by the first look.
        waiting(JobViewSet.as_view(JOB), JobViewSet.as_view({"get": "retrieve"}, throttle_classes=())),
        name="job",
    ),
    path(
        "functions/<str:language_title>/invoke",
        waiting(InvokeView.as_view(), InvokedView.as_view()),
        name="function-invoke",
    ),
    path(
        "sessions/<str:request_id>/execute",
        waiting(SessionViewSet.as_view({"post": "execute"}), InvokedView.as_view()),
        name="session-execute",
    ),
    path(
        "worker/claim",
        waiting_for_work(ClaimView.as_view(), ClaimView.as_view(throttle_classes=())),
        name="worker-claim",
    ),
]
