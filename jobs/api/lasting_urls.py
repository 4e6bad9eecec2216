"""Addresses for a handler on an event loop: here a request that asks to wait does so.

Other handlers run the plain view, because a coroutine costs a thread of a pool a loop of its own.
"""

from django.urls import path

from jobs.api.jobs import JobViewSet
from jobs.api.urls import JOB
from jobs.api.waiting import waiting

urlpatterns = [
    path(
        "jobs/<uuid:pk>",
        # The wait has been paid for by the first look.
        waiting(JobViewSet.as_view(JOB), JobViewSet.as_view({"get": "retrieve"}, throttle_classes=())),
        name="job",
    ),
]
