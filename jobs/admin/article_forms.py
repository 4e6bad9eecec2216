"""What people type to hand over an article, or to have one summarized again."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator
from django.utils.translation import gettext_lazy as _

from jobs.admin.forms import ReasonForm
from jobs.articles.markup import MOST_CHARACTERS
from jobs.articles.urls import LONGEST_URL

_AS_BEFORE = ("", _("as before"))
_LENGTHS = (("short", _("short")), ("medium", _("medium")), ("long", _("long")))
_TAG = RegexValidator(r"^[A-Za-z]{2,3}([-_][A-Za-z0-9]{1,8}){0,4}\Z", _("A tag such as ja or en-GB."))


class NewArticleForm(forms.Form):
    """The address of a public page, or the page itself, and how its summary is to be."""

    url = forms.CharField(
        label=_("Address"),
        required=False,
        max_length=LONGEST_URL,
        validators=[RegexValidator(r"^https?://[^\s\\@]+\Z", _("An address begins with http:// or https://."))],
        widget=forms.TextInput(attrs={"inputmode": "url", "placeholder": "https://"}),
    )
    html = forms.CharField(
        label=_("Or the page itself"),
        required=False,
        max_length=MOST_CHARACTERS,
        widget=forms.Textarea(attrs={"rows": 6, "spellcheck": "false"}),
        help_text=_("HTML, or plain text."),
    )
    length = forms.ChoiceField(label=_("Length of the summary"), choices=_LENGTHS, initial="medium")
    language = forms.CharField(
        label=_("Language of the summary"),
        required=False,
        max_length=35,
        validators=[_TAG],
        help_text=_("A tag such as ja; empty is the language of the article."),
    )
    podcast = forms.BooleanField(label=_("Make a podcast of it, too"), required=False)

    def clean(self) -> dict[str, Any]:
        said = super().clean() or {}
        if not self.errors and bool(said.get("url")) == bool(said.get("html", "").strip()):
            raise ValidationError(_("Give either the address or the page."))
        return said

    def wishes(self) -> dict[str, Any]:
        """Give what `submit_article` takes."""
        said = self.cleaned_data
        preferences = {name: said[name] for name in ("length", "language") if said[name]}
        source = {name: said[name] for name in ("url", "html") if said[name]}
        return {**source, "preferences": preferences, "podcast": said["podcast"]}


class AgainForm(ReasonForm):
    """What should be different this time."""

    length = forms.ChoiceField(label=_("Length"), choices=(_AS_BEFORE, *_LENGTHS), required=False)
    language = forms.CharField(
        label=_("Language"), required=False, max_length=35, validators=[_TAG], help_text=_("Empty is as before.")
    )
    podcast = forms.ChoiceField(
        label=_("Podcast"), choices=(_AS_BEFORE, ("yes", _("wanted")), ("no", _("not wanted"))), required=False
    )
    field_order = ("length", "language", "podcast", "reason")

    def clean(self) -> dict[str, Any]:
        """Turn the choices into what `resubmit_article` takes."""
        said = super().clean() or {}
        preferences = {name: said[name] for name in ("length", "language") if said.get(name)}
        podcast = {"yes": True, "no": False}.get(said.get("podcast", ""))
        return {"reason": said.get("reason", ""), "preferences": preferences, "podcast": podcast}
