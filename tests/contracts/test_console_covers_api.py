"""Whatever a person can do over the API they can do in the console, too: each write has its page there."""

import json
from pathlib import Path
from typing import Final

import pytest
from django.urls import NoReverseMatch, reverse

_API: Final = json.loads(Path("docs/openapi.json").read_text())
#: What machines do, and what the console does otherwise.
_NOT_FOR_PEOPLE: Final = frozenset(
    {"worker_claim", "worker_complete", "worker_fail", "worker_progress", "worker_renew"}
)
#: Where the console does what an operation of the API does.
PAGES: Final[dict[str, str]] = {
    "articles_create": "jobs_article_add",
    "articles_destroy": "jobs_article_delete",
    "articles_regenerate": "jobs_article_summarize",
    "batches_create": "jobs_batch_add",
    "batches_cancel": "jobs_batch_cancel",
    "bulk_operations_create": "jobs_job_many_all",
    "bulk_operations_partial_update": "jobs_bulkoperation_rate",
    "bulk_operations_again": "jobs_bulkoperation_again",
    "bulk_operations_cancel": "jobs_bulkoperation_cancel",
    "bulk_operations_pause": "jobs_bulkoperation_pause",
    "bulk_operations_proceed": "jobs_bulkoperation_proceed",
    "dead_letters_bulk": "jobs_deadletter_many",
    "dead_letters_group_partial_update": "jobs_deadlettergroup_keep",
    "dead_letters_partial_update": "jobs_deadletter_notes",
    "dead_letters_discard": "jobs_deadletter_discard",
    "dead_letters_redrive": "jobs_deadletter_redrive",
    "dead_letters_resolve": "jobs_deadletter_resolve",
    "functions_create": "jobs_function_add",
    "functions_partial_update": "jobs_function_edit",
    "functions_invoke": "jobs_function_try",
    "jobs_create": "jobs_job_add",
    "jobs_bulk_create": "jobs_batch_add",
    "jobs_partial_update": "jobs_job_reschedule",
    "jobs_destroy": "jobs_job_delete",
    "jobs_cancel": "jobs_job_cancel",
    "jobs_events_send": "jobs_job_event",
    "jobs_restore": "jobs_job_restore",
    "jobs_retry": "jobs_job_retry",
    "podcasts_destroy": "jobs_podcast_delete",
    "queues_partial_update": "jobs_queue_configure",
    "queues_pause": "jobs_queue_pause",
    "queues_purge": "jobs_queue_purge",
    "queues_resume": "jobs_queue_resume",
    "schedules_create": "jobs_schedule_add",
    "schedules_try": "jobs_schedule_preview",
    "schedules_partial_update": "jobs_schedule_edit",
    "schedules_destroy": "jobs_schedule_delete",
    "schedules_backfill": "jobs_schedule_backfill",
    "schedules_restore": "jobs_schedule_restore",
    "schedules_run": "jobs_schedule_run",
    "schedules_skip_next": "jobs_schedule_skip-next",
    "sessions_create": "jobs_session_add",
    "sessions_partial_update": "jobs_session_extend",
    "sessions_destroy": "jobs_session_close",
    "sessions_execute": "jobs_session_execute",
    "users_create": "accounts_user_add",
    "users_partial_update": "accounts_user_change",
    "users_keys_create": "accounts_user_issue_key",
    "users_keys_destroy": "accounts_user_revoke_key",
    "webhook_endpoints_create": "jobs_webhookendpoint_add",
    "webhook_endpoints_partial_update": "jobs_webhookendpoint_edit",
    "webhook_endpoints_destroy": "jobs_webhookendpoint_remove",
    "webhook_deliveries_resend": "jobs_webhookdelivery_resend",
    "webhook_endpoints_resend": "jobs_webhookendpoint_resend",
    "webhook_endpoints_rotate_secret": "jobs_webhookendpoint_rotate",
    "webhook_endpoints_test": "jobs_webhookendpoint_test",
    "workers_drain": "jobs_worker_drain",
    "workers_quiet": "jobs_worker_quiet",
    "workers_wake": "jobs_worker_wake",
    "workflows_create": "jobs_batch_workflow",
}


def writes() -> set[str]:
    return {
        operation["operationId"]
        for operations in _API["paths"].values()
        for method, operation in operations.items()
        if method in {"post", "put", "patch", "delete"}
    } - _NOT_FOR_PEOPLE


def test_every_write_has_its_page() -> None:
    assert writes() == set(PAGES)


@pytest.mark.parametrize("name", sorted(set(PAGES.values())))
def test_the_page_is_there(name: str) -> None:
    assert _address(f"admin:{name}").startswith("/admin/")


def _address(name: str) -> str:
    for arguments in ([], ["x"], ["00000000-0000-7000-8000-000000000000"]):
        try:
            return reverse(name, args=arguments)
        except NoReverseMatch:
            continue
    raise AssertionError(f"The console has no page {name}.")
