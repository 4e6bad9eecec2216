"""What people say when they pause a queue, set its rules or empty it."""

from datetime import datetime, timedelta
from typing import Any, Final

from django import forms
from django.core.exceptions import ValidationError
from django.utils.timezone import now
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from jobs.admin.forms import ReasonForm
from jobs.admin.schedule_forms import MomentField

#: For how long, in seconds; "" is until somebody resumes it.
_LENGTHS: Final = (
    ("", gettext_lazy("Until somebody resumes it")),
    ("900", gettext_lazy("15 minutes")),
    ("3600", gettext_lazy("1 hour")),
    ("14400", gettext_lazy("4 hours")),
    ("43200", gettext_lazy("12 hours")),
    ("86400", gettext_lazy("1 day")),
    ("604800", gettext_lazy("1 week")),
    ("until", gettext_lazy("Until the moment below")),
)


class PauseForm(ReasonForm):
    """A pause, and when it ends by itself."""

    length = forms.ChoiceField(label=gettext_lazy("For how long"), choices=_LENGTHS, required=False)
    resume_at = MomentField(label=gettext_lazy("Until"), required=False)
    field_order = ("length", "resume_at", "reason")

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        length, moment = cleaned.pop("length", ""), cleaned.pop("resume_at", None)
        return {**cleaned, "resume_at": self._end(length, moment)}

    def _end(self, length: str, moment: datetime | None) -> datetime | None:
        if length != "until":
            if moment is not None:
                raise ValidationError({"length": _("Choose “Until the moment below”, or leave the moment empty.")})
            return now() + timedelta(seconds=int(length)) if length else None
        if moment is None and "resume_at" not in self.errors:
            raise ValidationError({"resume_at": _("Say until when.")})
        if moment is not None and moment <= now():
            raise ValidationError({"resume_at": _("This has passed already.")})
        return moment


class PurgeForm(ReasonForm):
    """What waits in a queue is ended only by who has typed its name, and never what came after they looked."""

    what = forms.ChoiceField(
        label=gettext_lazy("What becomes of the jobs"),
        choices=(
            ("cancel", gettext_lazy("They are cancelled; each can be put back")),
            ("delete", gettext_lazy("They are deleted; each can be restored")),
        ),
        widget=forms.RadioSelect,
        initial="cancel",
    )
    typed = forms.CharField(
        label=gettext_lazy("Name of the queue"),
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
        help_text=gettext_lazy("Type it, so that no other one is emptied."),
    )
    before = forms.CharField(widget=forms.HiddenInput)
    field_order = ("what", "typed", "reason", "before")

    def __init__(self, name: str, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.queue_name = name

    def clean_before(self) -> datetime:
        try:
            moment = datetime.fromisoformat(self.cleaned_data["before"])
        except ValueError as error:
            raise ValidationError(_("This is not a moment.")) from error
        if moment.tzinfo is None:
            raise ValidationError(_("This is not a moment."))
        return moment

    def clean_typed(self) -> str:
        typed: str = self.cleaned_data["typed"]
        if typed != self.queue_name:
            raise ValidationError(_("This is not the name of this queue."))
        return typed
