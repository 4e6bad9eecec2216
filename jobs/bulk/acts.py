"""What can be done to many rows: by the target and the verb, how it is done to a chunk of them and to one alone."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from django.utils.translation import gettext_lazy as _
from django_stubs_ext import StrOrPromise

from jobs import control, dead_letters, options
from jobs.bulk import on_jobs, on_letters
from jobs.bulk.by import By
from jobs.bulk.report import Report
from jobs.exceptions import InvalidOption

Arguments = Mapping[str, Any]


def _nothing(arguments: Arguments) -> dict[str, Any]:
    if arguments:
        raise InvalidOption(f"arguments/{min(arguments)}", "is not taken by this action.")
    return {}


@dataclass(frozen=True, slots=True)
class Action:
    """One verb, as it is done to many rows and as it is done to one."""

    label: StrOrPromise
    #: What will come of it, said before it is confirmed.
    effect: StrOrPromise
    #: Does it to rows that it locks without waiting, in few statements.
    many: Callable[[Sequence[UUID], By, Arguments], Report]
    #: Does it to one row, whatever it takes; called with its id, the actor, the reason and the arguments.
    one: Callable[..., Any]
    #: Gives the arguments as they are stored; raises InvalidOption.
    checked: Callable[[Arguments], dict[str, Any]] = _nothing
    danger: bool = False
    #: Whether jobs run for it afterwards.
    runs_jobs: bool = False


def action_of(target: str, action: str) -> Action:
    """Give the act of a target by its name; raises InvalidOption."""
    if target not in TARGETS:
        raise InvalidOption("target", f"must be one of {', '.join(TARGETS)}.")
    found = ACTS.get((target, action))
    if found is None:
        known = sorted(name for kind, name in ACTS if kind == target)
        raise InvalidOption("action", f"must be one of {', '.join(known)} for the target {target}.")
    return found


def _priority(arguments: Arguments) -> dict[str, Any]:
    if set(arguments) != {"priority"}:
        raise InvalidOption("arguments", "must hold priority and nothing else.")
    priority = arguments["priority"]
    if isinstance(priority, float) and priority.is_integer():
        priority = int(priority)  # JSON has one kind of numbers
    try:
        options.check_priority(priority)
    except InvalidOption as error:
        raise InvalidOption("arguments/priority", error.detail) from error
    return {"priority": priority}


def _queue(arguments: Arguments) -> dict[str, Any]:
    _nothing({name: value for name, value in arguments.items() if name != "queue"})
    if not arguments.get("queue"):
        return {}
    try:
        options.check_queue(arguments["queue"])
    except InvalidOption as error:
        raise InvalidOption("arguments/queue", error.detail) from error
    return {"queue": arguments["queue"]}


TARGETS: Final = ("job", "dead_letter")

ACTS: Final[dict[tuple[str, str], Action]] = {
    ("job", "cancel"): Action(
        _("Cancel"),
        _("Pending jobs are cancelled at once; running ones are asked to stop."),
        on_jobs.cancel,
        control.cancel,
        danger=True,
    ),
    ("job", "retry"): Action(
        _("Retry"),
        _("Failed and cancelled jobs run again with all their retries, waiting ones at once."),
        on_jobs.retry,
        control.retry,
        runs_jobs=True,
    ),
    ("job", "priority"): Action(
        _("Change the priority"),
        _("Pending jobs get another priority; a larger one runs first."),
        on_jobs.prioritise,
        control.change,
        _priority,
    ),
    ("job", "delete"): Action(
        _("Delete"),
        _("Jobs that have ended are hidden; pending ones are cancelled first."),
        on_jobs.delete,
        control.soft_delete,
        danger=True,
    ),
    ("job", "restore"): Action(
        _("Restore"), _("Deleted jobs are shown again, as they ended."), on_jobs.restore, control.restore
    ),
    ("dead_letter", "redrive"): Action(
        _("Redrive"),
        _("The jobs are pending again and due now, with all their retries and the payloads they died of."),
        on_letters.redrive,
        dead_letters.redrive,
        _queue,
        runs_jobs=True,
    ),
    ("dead_letter", "discard"): Action(
        _("Discard"),
        _("The jobs are given up for good: their status becomes failed."),
        on_letters.discard,
        dead_letters.discard,
        danger=True,
    ),
    ("dead_letter", "resolve"): Action(
        _("Resolve"),
        _("The work was done by other means: the jobs count as completed."),
        on_letters.resolve,
        dead_letters.resolve,
    ),
}
