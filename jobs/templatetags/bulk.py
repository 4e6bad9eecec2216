"""A strip for lists: which bulk operations are under way."""

from typing import Any, Final

from django import template

from jobs.admin.bulk_words import act_in_words
from jobs.admin.facts import link_to
from jobs.bulk.figures import figures_of
from jobs.models import BulkOperation

register = template.Library()

MOST: Final = 3


@register.inclusion_tag("jobs/parts/operations.html", takes_context=True)
def operations_strip(context: dict[str, Any], target: str = "") -> dict[str, Any]:
    """Show the operations under way, of one target if it is named, to those who may see them; one small query."""
    user = context["request"].user
    if not user.has_perm("jobs.view_bulkoperation"):
        return {"operations": []}
    rows = BulkOperation.objects.live().defer("selector", "put_off").order_by("-id")
    found = list((rows.filter(target=target) if target else rows)[: MOST + 1])
    shown = [(act_in_words(each), link_to("bulkoperation", each.pk), each, figures_of(each)) for each in found[:MOST]]
    return {"operations": shown, "more": len(found) > MOST}
