"""Every page of the console that a browser is to see: the one list, to which each area adds its own."""

from typing import Any

from django.urls import reverse

from jobs.models import DeadLetter, Function, Job, ProcessingLock


def places(letter: DeadLetter) -> dict[str, str]:
    """Give each page of the scene by the name of its picture."""
    return {**_work(letter), **_machines(), **_others()}


def listed(model: str) -> str:
    return reverse(f"admin:{model}_changelist")


def shown(model: str, pk: Any, page: str = "change") -> str:
    return reverse(f"admin:{model}_{page}", args=[pk])


def _work(letter: DeadLetter) -> dict[str, str]:
    running = ProcessingLock.objects.order_by("locked_at").first()
    failed = Job.objects.filter(status="pending", retry_count=1).first()
    done = Job.objects.filter(status="completed").first()
    assert running and failed and done
    return {
        "overview": reverse("admin:index"),
        "dead-letters": listed("jobs_deadlettergroup"),
        "dead-letter-group": shown("jobs_deadlettergroup", letter.error_fingerprint),
        "dead-letter-mute": shown("jobs_deadlettergroup", letter.error_fingerprint, "mute"),
        "dead-letters-of-group": f"{listed('jobs_deadletter')}?group={letter.error_fingerprint}",
        "dead-letter": shown("jobs_deadletter", letter.pk),
        "dead-letter-all": f"{listed('jobs_deadletter')}?resolution=all",
        "discard": shown("jobs_deadletter", letter.pk, "discard"),
        "discard-many": f"{shown('jobs_deadletter', 'discard', 'many')}?type=extract_content",
        "jobs": listed("jobs_job"),
        "batches": listed("jobs_batch"),
        "job-running": shown("jobs_job", running.job_id),
        "job-retrying": shown("jobs_job", failed.pk),
        "job-completed": shown("jobs_job", done.pk),
        "priority": shown("jobs_job", failed.pk, "priority"),
        "lock": shown("jobs_processinglock", running.job_id),
        "schedules": listed("jobs_schedule"),
        "schedule-add": reverse("admin:jobs_schedule_add"),
    }


def _machines() -> dict[str, str]:
    thumbnail = Function.objects.get(language_title="node-thumbnail")
    return {
        "functions": listed("jobs_function"),
        "function": shown("jobs_function", thumbnail.pk),
        "function-edit": shown("jobs_function", thumbnail.pk, "edit"),
        "function-add": reverse("admin:jobs_function_add"),
        "queues": listed("jobs_queue"),
        "queue": shown("jobs_queue", "imports"),
        "queue-rules": shown("jobs_queue", "imports", "configure"),
        "workers": listed("jobs_worker"),
        "worker": shown("jobs_worker", "relay-1:7f3a91c2"),
        "locks": listed("jobs_processinglock"),
        "supervisors": listed("jobs_supervisor"),
        "sessions": listed("jobs_session"),
    }


def _others() -> dict[str, str]:
    return {
        "health": reverse("console:health"),
        "preferences": reverse("preferences"),
        "audit": listed("jobs_auditentry"),
        "articles": listed("jobs_article"),
        "summaries": listed("jobs_summary"),
        "podcasts": listed("jobs_podcast"),
        "providers": listed("jobs_providerstate"),
        "provider-calls": listed("jobs_providercall"),
        "search-indexes": listed("jobs_searchindex"),
        "search-rejections": listed("jobs_searchrejection"),
        "saved-searches": listed("jobs_savedsearch"),
        "requests": listed("analytics_requestlog"),
        "errors": listed("analytics_errorlog"),
        "users": listed("accounts_user"),
        "bulk-operations": listed("jobs_bulkoperation"),
        "webhooks": listed("jobs_webhookendpoint"),
        "webhook-deliveries": listed("jobs_webhookdelivery"),
        "lock-outs": listed("accounts_loginlock"),
        "workspaces": listed("accounts_workspace"),
        "password": reverse("admin:password_change"),
    }
