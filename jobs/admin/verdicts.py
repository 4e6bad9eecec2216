"""How the verdicts on summaries look."""

from django.utils.html import format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from jobs.admin import display
from jobs.models import Summary


def verdict(summary: Summary) -> SafeString:
    if summary.accepted is None:
        return display.badge("pending", _("not judged yet"))
    return display.badge("completed", _("accepted")) if summary.accepted else display.badge("failed", _("refused"))


def reasons(summary: Summary) -> SafeString:
    """Show why it was refused, or what is to be said of it, a line each."""
    found = ((reason.get("code", ""), reason.get("detail", "")) for reason in summary.reasons)
    return format_html_join("", '<p class="reason"><span class="tag">{}</span> {}</p>', found)
