from django.urls import path

from jobs.api.bulk import BulkJobsView
from jobs.api.events import JobEventsView, streaming
from jobs.api.jobs import JobViewSet
from jobs.api.waiting import waiting

urlpatterns = [
    path("jobs", JobViewSet.as_view({"get": "list", "post": "create"}), name="jobs"),
    path("jobs/bulk", BulkJobsView.as_view(), name="jobs-bulk"),
    path(
        "jobs/<uuid:pk>",
        waiting(
            JobViewSet.as_view({"get": "retrieve", "patch": "partial_update", "delete": "destroy"}),
            # The wait has been paid for by the first look.
            JobViewSet.as_view({"get": "retrieve"}, throttle_classes=()),
        ),
        name="job",
    ),
    path("jobs/<uuid:pk>/events", streaming(JobEventsView.as_view()), name="job-events"),
    path("jobs/<uuid:pk>/cancel", JobViewSet.as_view({"post": "cancel"}), name="job-cancel"),
    path("jobs/<uuid:pk>/retry", JobViewSet.as_view({"post": "retry"}), name="job-retry"),
]
