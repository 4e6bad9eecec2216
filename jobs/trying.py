"""Trying a function out: a call of the operator's own, whose job says that it is one."""

from typing import Any

from django.db import transaction

from jobs import catalogue, language_rights
from jobs.enqueue import Enqueued, enqueue
from jobs.exceptions import InvalidPayload
from jobs.models import Function
from jobs.models.audit import audit

#: In the metadata of such a job.
MARK = "test_call"


def try_out(language_title: str, params: dict[str, Any], actor: Any, reason: str = "") -> Enqueued:
    """Submit a job of the function with these parameters; kept results of earlier calls are passed by.

    Raises as enqueue does, UnknownFunction, FunctionInactive, LanguageNotAllowed or InvalidPayload.
    """
    function = catalogue.function_of(language_title)
    function.refuse_inactive()
    language_rights.check(actor, function.language)
    if violations := function.validator.violations(params):
        raise InvalidPayload(violations, "params")
    row = Function.objects.get(language_title=function.language_title)
    with transaction.atomic():
        submitted = enqueue(function.name, params, user=actor, metadata={MARK: True})
        audit(actor, "try", row, reason, job=submitted.id)
    return submitted
