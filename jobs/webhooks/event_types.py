"""What endpoints may be told of. The triggers in jobs/sql make events of these names and no others."""

from typing import Final

from django.utils.translation import gettext_noop

#: What a delivery is of that somebody asked for, to see that the endpoint hears; goes to every endpoint.
TEST: Final = "webhook.test"

EVENT_TYPES: Final[dict[str, str]] = {
    "job.created": gettext_noop("A job was submitted."),
    "job.started": gettext_noop("An attempt of a job began."),
    "job.completed": gettext_noop("A job was done, or resolved by hand."),
    "job.failed": gettext_noop("A job was given up by a person."),
    "job.cancelled": gettext_noop("A job was cancelled."),
    "job.dead_letter": gettext_noop("A job gave up and waits for a person."),
    "dead_letter.opened": gettext_noop("A dead letter came onto the desk, or back."),
    "dead_letter.redriven": gettext_noop("A dead letter was redriven."),
    "dead_letter.resolved": gettext_noop("A dead letter was resolved."),
    "dead_letter.discarded": gettext_noop("A dead letter was discarded."),
    "queue.paused": gettext_noop("A queue was paused."),
    "queue.resumed": gettext_noop("A queue goes on."),
}

#: What an endpoint gets of which nobody says what it wants: how jobs ended.
USUAL: Final = ("job.completed", "job.failed", "job.cancelled", "job.dead_letter")

#: Of nobody's jobs: only endpoints that get everybody's events are told.
OF_NOBODY: Final = frozenset({"queue.paused", "queue.resumed"})
