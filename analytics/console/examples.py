from __future__ import annotations

from uuid import UUID

from django.urls import NoReverseMatch, reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from jobs.admin.display import NOTHING


def links(example: UUID) -> SafeString:
    """Link to the log of a request and to its job, which has the same id if there was one."""
    found = [(_address("analytics_requestlog", example), "request"), (_address("jobs_job", example), "job")]
    shown = (format_html('<a href="{}">{}</a>', address, name) for address, name in found if address)
    return format_html_join(", ", "{}", ((link,) for link in shown)) or NOTHING


def _address(page: str, pk: UUID) -> str:
    try:
        return reverse(f"admin:{page}_change", args=[str(pk)])
    except NoReverseMatch:
        return ""
