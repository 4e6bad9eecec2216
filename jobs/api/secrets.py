"""Secret fields in answers: owners see theirs; staff see the mask, or ask for what it hides, which is written down."""

from collections.abc import Container, Iterable
from typing import Any, Final

from django.core.exceptions import PermissionDenied
from django.db.models import Model
from drf_spectacular.utils import OpenApiParameter
from rest_framework.exceptions import ErrorDetail, ValidationError
from rest_framework.request import Request

from jobs.models import Job
from jobs.models.audit import audit
from jobs.secret_fields import hide

PARAMETER: Final = OpenApiParameter(
    "secrets",
    {"type": "string", "enum": ["show"]},
    description=(
        "`show` gives operators what the mask `••••••` hides in payloads of others, and leaves an entry in the audit "
        "log. Viewers get 403."
    ),
)
PERMISSION: Final = "jobs.reveal_secrets"


def hide_in_list(request: Request, jobs: Iterable[Job], names: Container[str]) -> None:
    """Put the mask into payloads of listed jobs, of which there are some if a field of that name was asked for."""
    if "payload" not in names:
        return
    for job in jobs:
        if job.user_id != request.user.pk:
            hide_secrets(job, job.job_type)


def hide_secrets(row: Any, job_type: str, names: tuple[str, ...] = ("payload",)) -> None:
    """Put the mask into payloads of somebody else's row that is about to be told; it is not to be saved any more."""
    for name in names:
        setattr(row, name, hide(getattr(row, name), job_type))


def hide_or_show(request: Request, row: Model, job_type: str, names: tuple[str, ...] = ("payload",)) -> None:
    """Do the same, unless the request asks to see the secrets: then note in the audit log that it was told them.

    Raises ValidationError for any other wish, PermissionDenied for those who may not.
    """
    if not _wants_secrets(request):
        hide_secrets(row, job_type, names)
        return
    hidden = [name for name in names if hide(getattr(row, name), job_type) != getattr(row, name)]
    if hidden:
        audit(request.user, "reveal", row, "By the API.", fields=hidden)


def _wants_secrets(request: Request) -> bool:
    wishes = request.query_params.getlist("secrets")
    if not wishes:
        return False
    if wishes != ["show"]:
        raise ValidationError({"secrets": [ErrorDetail("Can only be `show`, once.", code="invalid")]})
    if not request.user.has_perm(PERMISSION):
        raise PermissionDenied
    return True
