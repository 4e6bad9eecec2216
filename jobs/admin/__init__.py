"""The operators' console: one file per table, thin shells over the verbs of the domain."""

from django.contrib import admin

from jobs.admin import (
    article,
    audit,
    batch,
    bulk_operation,
    dead_letter,
    dead_letter_group,
    function,
    job,
    lock,
    names,
    podcast,
    provider,
    provider_call,
    queue,
    saved_search,
    schedule,
    search_index,
    search_rejection,
    session,
    summary,
    supervisor,
    webhook_delivery,
    webhook_endpoint,
    worker,
)

__all__ = [
    "article",
    "audit",
    "batch",
    "bulk_operation",
    "dead_letter",
    "dead_letter_group",
    "function",
    "job",
    "lock",
    "names",
    "podcast",
    "provider",
    "provider_call",
    "queue",
    "saved_search",
    "schedule",
    "search_index",
    "search_rejection",
    "session",
    "summary",
    "supervisor",
    "webhook_delivery",
    "webhook_endpoint",
    "worker",
]

admin.site.site_header = "Ekiden"
admin.site.site_title = "Ekiden"
admin.site.index_title = "Overview"
admin.site.site_url = None
# The sections stand in the header, and the rows have the whole width.
admin.site.enable_nav_sidebar = False
names.apply()
