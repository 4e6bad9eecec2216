"""What an operation acts on, in words for people."""

from collections.abc import Mapping
from typing import Any, Final

from django.utils.dateparse import parse_datetime
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django_stubs_ext import StrOrPromise

from jobs.admin import display
from jobs.admin.facts import anchor
from jobs.bulk.acts import ACTS
from jobs.models import BulkOperation

_NAMES: Final[dict[str, StrOrPromise]] = {
    "status": gettext_lazy("status"),
    "resolution": gettext_lazy("resolution"),
    "type": gettext_lazy("type"),
    "queue": gettext_lazy("queue"),
    "tag": gettext_lazy("tag"),
    "priority_min": gettext_lazy("priority from"),
    "priority_max": gettext_lazy("priority to"),
    "created_after": gettext_lazy("submitted since"),
    "created_before": gettext_lazy("submitted before"),
    "scheduled_after": gettext_lazy("due since"),
    "scheduled_before": gettext_lazy("due before"),
    "moved_after": gettext_lazy("died since"),
    "moved_before": gettext_lazy("died before"),
    "parent": gettext_lazy("children of"),
    "batch": gettext_lazy("batch"),
    "schedule": gettext_lazy("schedule"),
    "fingerprint": gettext_lazy("group"),
    "deleted": gettext_lazy("deleted"),
    "q": gettext_lazy("query"),
}


def act_in_words(operation: BulkOperation) -> str:
    """Say what is done to what: "Redrive dead letters"."""
    act = ACTS.get((operation.target, operation.action))
    label = str(act.label) if act else operation.action
    if operation.target == "job":
        return _("{act}: jobs").format(act=label)
    return _("{act}: dead letters").format(act=label)


def selector_in_words(operation: BulkOperation) -> SafeString:
    """Name the conditions of a selector, each as a tag."""
    selector: Mapping[str, Any] = operation.selector
    if "ids" in selector:
        number = len(selector["ids"])
        words = ngettext("{number} that was chosen by its id", "{number} that were chosen by their ids", number)
        return format_html("{}", words.format(number=f"{number:,}"))
    if "failures_of" in selector:
        first = anchor("bulkoperation", selector["failures_of"], f"…{selector['failures_of'][-10:]}")
        return format_html("{} {}", _("what failed in"), first)
    chips = [(_NAMES.get(name, name), _value(value)) for name, value in selector["filter"].items()]
    if not chips:
        return format_html("{}", _("everything"))
    return format_html_join(" ", '<span class="tag">{}: {}</span>', chips)


def arguments_in_words(operation: BulkOperation) -> str:
    return ", ".join(f"{_NAMES.get(name, name)} {value}" for name, value in operation.arguments.items())


def _value(value: Any) -> Any:
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    if isinstance(value, list):
        return ", ".join(str(each).replace("_", " ") for each in value)
    if isinstance(value, str) and len(value) > 18 and "T" in value and (at := parse_datetime(value)):
        return display.moment(at)
    return display.short(str(value), 80)
