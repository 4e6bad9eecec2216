from typing import Any, Final

from django.urls import path

from jobs.api.articles import ArticleViewSet, SummaryViewSet
from jobs.api.batches import BatchViewSet
from jobs.api.bulk import BulkJobsView
from jobs.api.bulk_operations import BulkFailureFilesViewSet, BulkFailuresViewSet, BulkOperationViewSet
from jobs.api.dead_letter_bulk import DeadLetterBulkView
from jobs.api.dead_letter_groups import DeadLetterGroupsView, DeadLetterGroupView
from jobs.api.dead_letters import DeadLetterViewSet
from jobs.api.dependencies import DependenciesView
from jobs.api.events import JobEventsView, streaming
from jobs.api.functions import FunctionViewSet
from jobs.api.invoke import InvokeView
from jobs.api.job_types import JobTypeViewSet
from jobs.api.jobs import JobViewSet
from jobs.api.logs import JobLogsView
from jobs.api.podcasts import ArticlePodcastViewSet, PodcastAudioViewSet, PodcastViewSet
from jobs.api.queue_history import QueueHistoryView
from jobs.api.queues import QueueViewSet
from jobs.api.schedules import ScheduleViewSet
from jobs.api.search import SearchFieldsView, SearchView
from jobs.api.sessions import SessionViewSet
from jobs.api.tasks import TaskViewSet
from jobs.api.webhook_deliveries import WebhookDeliveryViewSet
from jobs.api.webhooks import WebhookEndpointViewSet
from jobs.api.worker.claim import ClaimView
from jobs.api.worker.complete import CompleteView
from jobs.api.worker.fail import FailView
from jobs.api.worker.progress import ProgressView
from jobs.api.worker.renew import RenewView
from jobs.api.workers import WorkerViewSet
from jobs.api.workflows import WorkflowsView

#: What can be done to one row.
JOB: Final[dict[str, Any]] = {"get": "retrieve", "patch": "partial_update", "delete": "destroy"}

urlpatterns = [
    path("jobs", JobViewSet.as_view({"get": "list", "post": "create"}), name="jobs"),
    path("jobs/bulk", BulkJobsView.as_view(), name="jobs-bulk"),
    path("jobs/search", SearchView.as_view(), name="jobs-search"),
    path("jobs/search/fields", SearchFieldsView.as_view(), name="jobs-search-fields"),
    path("jobs/<uuid:pk>", JobViewSet.as_view(JOB), name="job"),
    path("jobs/<uuid:pk>/events", streaming(JobEventsView.as_view()), name="job-events"),
    path("jobs/<uuid:pk>/tasks", TaskViewSet.as_view({"get": "list"}), name="job-tasks"),
    path("jobs/<uuid:pk>/logs", JobLogsView.as_view(), name="job-logs"),
    path("jobs/<uuid:pk>/cancel", JobViewSet.as_view({"post": "cancel"}), name="job-cancel"),
    path("jobs/<uuid:pk>/retry", JobViewSet.as_view({"post": "retry"}), name="job-retry"),
    path("jobs/<uuid:pk>/restore", JobViewSet.as_view({"post": "restore"}), name="job-restore"),
    path("jobs/<uuid:pk>/dependencies", DependenciesView.as_view(), name="job-dependencies"),
    path("batches", BatchViewSet.as_view({"get": "list", "post": "create"}), name="batches"),
    path("batches/<uuid:pk>", BatchViewSet.as_view({"get": "retrieve"}), name="batch"),
    path("batches/<uuid:pk>/cancel", BatchViewSet.as_view({"post": "cancel"}), name="batch-cancel"),
    path("articles", ArticleViewSet.as_view({"get": "list", "post": "create"}), name="articles"),
    path("articles/<uuid:pk>", ArticleViewSet.as_view({"get": "retrieve", "delete": "destroy"}), name="article"),
    path("articles/<uuid:pk>/regenerate", ArticleViewSet.as_view({"post": "regenerate"}), name="article-regenerate"),
    path("articles/<uuid:pk>/similar", ArticleViewSet.as_view({"get": "similar"}), name="article-similar"),
    path("articles/<uuid:pk>/summaries", SummaryViewSet.as_view({"get": "list"}), name="article-summaries"),
    path("articles/<uuid:pk>/podcasts", ArticlePodcastViewSet.as_view({"get": "list"}), name="article-podcasts"),
    path("podcasts/<uuid:pk>", PodcastViewSet.as_view({"get": "retrieve", "delete": "destroy"}), name="podcast"),
    path("podcasts/<uuid:pk>/audio", PodcastAudioViewSet.as_view({"get": "audio"}), name="podcast-audio"),
    path("workflows", WorkflowsView.as_view(), name="workflows"),
    path(
        "webhook-endpoints",
        WebhookEndpointViewSet.as_view({"get": "list", "post": "create"}),
        name="webhook-endpoints",
    ),
    path("webhook-endpoints/<uuid:pk>", WebhookEndpointViewSet.as_view(JOB), name="webhook-endpoint"),
    path(
        "webhook-endpoints/<uuid:pk>/rotate-secret",
        WebhookEndpointViewSet.as_view({"post": "rotate_secret"}),
        name="webhook-endpoint-rotate-secret",
    ),
    path(
        "webhook-endpoints/<uuid:pk>/test",
        WebhookEndpointViewSet.as_view({"post": "test"}),
        name="webhook-endpoint-test",
    ),
    path(
        "webhook-endpoints/<uuid:pk>/resend",
        WebhookEndpointViewSet.as_view({"post": "resend"}),
        name="webhook-endpoint-resend",
    ),
    path(
        "webhook-endpoints/<uuid:pk>/deliveries",
        WebhookDeliveryViewSet.as_view({"get": "list"}),
        name="webhook-deliveries",
    ),
    path(
        "webhook-endpoints/<uuid:pk>/deliveries/<uuid:delivery_id>",
        WebhookDeliveryViewSet.as_view({"get": "retrieve"}),
        name="webhook-delivery",
    ),
    path(
        "webhook-endpoints/<uuid:pk>/deliveries/<uuid:delivery_id>/resend",
        WebhookDeliveryViewSet.as_view({"post": "resend"}),
        name="webhook-delivery-resend",
    ),
    path("dead-letters", DeadLetterViewSet.as_view({"get": "list"}), name="dead-letters"),
    path("dead-letters/groups", DeadLetterGroupsView.as_view(), name="dead-letter-groups"),
    path("dead-letters/groups/<str:fingerprint>", DeadLetterGroupView.as_view(), name="dead-letter-group"),
    path("dead-letters/bulk", DeadLetterBulkView.as_view(), name="dead-letters-bulk"),
    path(
        "dead-letters/<uuid:pk>",
        DeadLetterViewSet.as_view({"get": "retrieve", "patch": "partial_update"}),
        name="dead-letter",
    ),
    *(
        path(f"dead-letters/<uuid:pk>/{act}", DeadLetterViewSet.as_view({"post": act}), name=f"dead-letter-{act}")
        for act in ("redrive", "discard", "resolve")
    ),
    path("bulk-operations", BulkOperationViewSet.as_view({"get": "list", "post": "create"}), name="bulk-operations"),
    path(
        "bulk-operations/<uuid:pk>",
        BulkOperationViewSet.as_view({"get": "retrieve", "patch": "partial_update"}),
        name="bulk-operation",
    ),
    *(
        path(
            f"bulk-operations/<uuid:pk>/{act}",
            BulkOperationViewSet.as_view({"post": act}),
            name=f"bulk-operation-{act}",
        )
        for act in ("cancel", "pause", "proceed", "again")
    ),
    path(
        "bulk-operations/<uuid:pk>/failures",
        BulkFailuresViewSet.as_view({"get": "list"}),
        name="bulk-operation-failures",
    ),
    path(
        "bulk-operations/<uuid:pk>/failures.csv",
        BulkFailureFilesViewSet.as_view({"get": "as_csv"}),
        name="bulk-operation-failures-csv",
    ),
    path(
        "bulk-operations/<uuid:pk>/failures.ndjson",
        BulkFailureFilesViewSet.as_view({"get": "as_ndjson"}),
        name="bulk-operation-failures-ndjson",
    ),
    path("queues", QueueViewSet.as_view({"get": "list"}), name="queues"),
    path("queues/<str:name>", QueueViewSet.as_view({"get": "retrieve", "patch": "partial_update"}), name="queue"),
    path("queues/<str:name>/history", QueueHistoryView.as_view(), name="queue-history"),
    path("queues/<str:name>/pause", QueueViewSet.as_view({"post": "pause"}), name="queue-pause"),
    path("queues/<str:name>/purge", QueueViewSet.as_view({"post": "purge"}), name="queue-purge"),
    path("queues/<str:name>/resume", QueueViewSet.as_view({"post": "resume"}), name="queue-resume"),
    path("workers", WorkerViewSet.as_view({"get": "list"}), name="workers"),
    path("workers/<str:id>", WorkerViewSet.as_view({"get": "retrieve"}), name="worker"),
    *(
        path(f"workers/<str:id>/{act}", WorkerViewSet.as_view({"post": act}), name=f"worker-{act}")
        for act in ("drain", "quiet", "wake")
    ),
    path("job-types", JobTypeViewSet.as_view({"get": "list"}), name="job-types"),
    path("job-types/<str:name>", JobTypeViewSet.as_view({"get": "retrieve"}), name="job-type"),
    path("functions", FunctionViewSet.as_view({"get": "list", "post": "create"}), name="functions"),
    path(
        "functions/<str:language_title>",
        FunctionViewSet.as_view({"get": "retrieve", "patch": "partial_update"}),
        name="function",
    ),
    path("functions/<str:language_title>/invoke", InvokeView.as_view(), name="function-invoke"),
    path("sessions", SessionViewSet.as_view({"get": "list", "post": "create"}), name="sessions"),
    path("sessions/<str:request_id>", SessionViewSet.as_view(JOB), name="session"),
    path("sessions/<str:request_id>/execute", SessionViewSet.as_view({"post": "execute"}), name="session-execute"),
    path("schedules", ScheduleViewSet.as_view({"get": "list", "post": "create"}), name="schedules"),
    path("schedules/preview", ScheduleViewSet.as_view({"post": "try_out"}), name="schedules-preview"),
    path("schedules/<uuid:pk>", ScheduleViewSet.as_view(JOB), name="schedule"),
    path("schedules/<uuid:pk>/run", ScheduleViewSet.as_view({"post": "run"}), name="schedule-run"),
    path("schedules/<uuid:pk>/restore", ScheduleViewSet.as_view({"post": "restore"}), name="schedule-restore"),
    path("schedules/<uuid:pk>/skip-next", ScheduleViewSet.as_view({"post": "skip_next"}), name="schedule-skip-next"),
    path("schedules/<uuid:pk>/backfill", ScheduleViewSet.as_view({"post": "backfill"}), name="schedule-backfill"),
    path("schedules/<uuid:pk>/preview", ScheduleViewSet.as_view({"get": "preview"}), name="schedule-preview"),
    path("worker/claim", ClaimView.as_view(), name="worker-claim"),
    path("worker/renew", RenewView.as_view(), name="worker-renew"),
    path("worker/progress", ProgressView.as_view(), name="worker-progress"),
    path("worker/complete", CompleteView.as_view(), name="worker-complete"),
    path("worker/fail", FailView.as_view(), name="worker-fail"),
]
