"""What tables, columns, statuses and acts are called, marked for translation in one place.

Models and statuses speak English to programs, so nothing there says so; whoever looks at the console is told by these.
"""

from typing import Final

from django.apps import apps
from django.utils.translation import gettext, gettext_lazy
from django.utils.translation import gettext_noop as _

_APPS: Final = ("accounts", "analytics", "jobs")

#: Of models, one and many.
TABLES: Final = (
    _("article"), _("articles"), _("audit entry"), _("audit entries"), _("batch"), _("batches"),
    _("bulk operation"), _("bulk operations"), _("dead letter"), _("dead letters"),
    _("dead letter group"), _("dead letter groups"), _("function"), _("functions"), _("job"), _("jobs"),
    _("processing lock"), _("processing locks"), _("podcast"), _("podcasts"), _("provider"), _("providers"),
    _("provider call"), _("provider calls"), _("queue"), _("queues"), _("saved search"), _("saved searches"),
    _("schedule"), _("schedules"), _("search index"), _("search indexes"),
    _("search rejection"), _("search rejections"), _("session"), _("sessions"), _("summary"), _("summaries"),
    _("worker"), _("workers"), _("supervisor"), _("supervisors"),
    _("webhook delivery"), _("webhook deliveries"), _("webhook endpoint"), _("webhook endpoints"),
    _("error log"), _("error logs"), _("request log"), _("request logs"), _("lock-out"), _("lock-outs"),
    _("user"), _("users"), _("workspace"), _("workspaces"),
)  # fmt: skip
#: Of fields, as lists have them above their columns and forms beside their boxes.
COLUMNS: Final = (
    _("action"), _("actor name"), _("client ip"), _("cost"), _("created at"), _("done"), _("email"), _("engine"),
    _("error code"), _("execution count"), _("failures"), _("id"), _("job type"), _("language"),
    _("language title"), _("last active at"), _("last error code"), _("last failed at"), _("length"), _("name"),
    _("network"), _("purpose"), _("rate limit per minute"), _("reason"), _("request id"), _("role"),
    _("target type"), _("tier"), _("total"), _("tries"), _("user id"), _("version"), _("is active"),
    _("allowed languages"), _("last login"), _("updated at"),
)  # fmt: skip
#: Of boxes of forms that are called as their fields are.
BOXES: Final = (
    _("Reason"), _("Priority"), _("Name"), _("Payload"), _("Description"), _("Version"), _("Tags"), _("Examples"),
    _("Timeout"), _("Language"), _("Title"), _("Job id"), _("Query"), _("Shared"),
)  # fmt: skip
#: Of badges, and of choices that programs know as well.
STATUSES: Final = (
    _("Pending"), _("Processing"), _("Dead letter"), _("Completed"), _("Failed"), _("Cancelled"), _("Deleted"),
    _("Other jobs"), _("An event"), _("Active"), _("Closed"), _("Expired"), _("Waiting"), _("Running"), _("Paused"),
    _("pending"), _("processing"), _("completed"), _("failed"), _("cancelled"), _("paused"), _("running"), _("alive"),
    _("silent"), _("stopped"), _("active"), _("closed"), _("expired"), _("failing"), _("held"), _("open"),
    _("building"), _("serving"), _("retired"), _("green"), _("yellow"), _("red"), _("waiting"), _("deleted"),
    _("answered"), _("refused"), _("skipped"), _("delivered"), _("resolved"), _("discarded"), _("redriven"),
    _("User"), _("Operator"), _("Administrator"), _("Worker"), _("Viewer"), _("Free"), _("Standard"), _("Premium"),
    _("retryable"), _("non_retryable"), _("timeout"), _("extracted"), _("extracting"), _("summarized"),
    _("summarizing"), _("validated"), _("validating"), _("received"), _("submitted"),
)  # fmt: skip
#: Of the audit log, in the past tense, after the name of who did it.
ACTED: Final = {
    "annotate": _("noted on"),
    "assign": _("assigned"),
    "backfill": _("made up for times of"),
    "begin": _("began"),
    "cancel": _("cancelled"),
    "change": _("changed"),
    "change rate": _("changed the rate of"),
    "clone": _("cloned"),
    "close": _("closed"),
    "configure": _("set up"),
    "create": _("made"),
    "delete": _("deleted"),
    "disable": _("disabled"),
    "discard": _("discarded"),
    "drain": _("asked to drain the"),
    "export": _("exported"),
    "extend": _("extended"),
    "ignore": _("ignored for a time"),
    "link": _("linked a ticket to"),
    "mute": _("muted"),
    "pause": _("paused"),
    "proceed": _("let go on"),
    "quiet": _("asked to claim nothing, the"),
    "redrive": _("redrove"),
    "register": _("registered"),
    "release": _("took from its worker"),
    "reopen": _("reopened"),
    "resend": _("had sent again"),
    "resend failed": _("had failures sent again of"),
    "resolve": _("resolved"),
    "restore": _("restored"),
    "resume": _("resumed"),
    "retry": _("ran again"),
    "reveal": _("saw the secrets of"),
    "rotate secret": _("rotated the secret of"),
    "run": _("ran"),
    "skip": _("skipped a time of"),
    "summarize": _("had summarized again"),
    "test": _("sent a test to"),
    "triage": _("triaged"),
    "try": _("tried out"),
    "wake": _("asked to work on, the"),
}


def acted(action: str) -> str:
    """Say an act of the audit log in the past tense, after the name of who did it."""
    return gettext(ACTED[action]) if action in ACTED else action


def apply() -> None:
    """Have models and fields called by their translated names wherever Django shows them.

    What migrations know of them stays as it is written in the models.
    """
    for label in _APPS:
        for model in apps.get_app_config(label).get_models():
            for thing, name in ((model._meta, "verbose_name"), (model._meta, "verbose_name_plural")):
                _translate(thing, name)
            for field in model._meta.fields:
                _translate(field, "verbose_name")


def _translate(thing: object, name: str) -> None:
    if words := str(getattr(thing, name)):
        setattr(thing, name, gettext_lazy(words))
