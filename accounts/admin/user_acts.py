"""What administrators do to users and their keys."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Final

from django import forms
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts import keys, second_factor
from accounts.admin.acting import Act, ReasonForm
from accounts.auditing import audit
from accounts.models import User

_HOUR: Final = 3600
_OVERLAPS: Final = [
    (0, gettext_lazy("Not at all")),
    (_HOUR, gettext_lazy("One hour")),
    (24 * _HOUR, gettext_lazy("One day")),
    (7 * 24 * _HOUR, gettext_lazy("A week")),
    (30 * 24 * _HOUR, gettext_lazy("30 days")),
]


class NewKeyForm(ReasonForm):
    expires_at = forms.DateTimeField(
        label=gettext_lazy("The new key ends"),
        required=False,
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}),
        help_text=gettext_lazy("Empty means never."),
    )
    field_order = ("overlap", "expires_at", "reason")

    def clean_expires_at(self) -> datetime | None:
        moment: datetime | None = self.cleaned_data["expires_at"]
        if moment is not None and moment <= timezone.now():
            raise ValidationError(_("This must lie ahead."))
        return moment


class RotationForm(NewKeyForm):
    overlap = forms.TypedChoiceField(
        label=gettext_lazy("The present key goes on for"),
        choices=_OVERLAPS,
        coerce=int,
        initial=24 * _HOUR,
        help_text=gettext_lazy("Time for clients to change over."),
    )


def _has_key(user: Any) -> bool:
    return bool(user.api_key_hash)


def _issue(request: HttpRequest, user: User, reason: str, expires_at: datetime | None) -> HttpResponse:
    key = keys.issue(user, expires_at)
    audit(request.user, "issue key", user, reason, hint=user.api_key_hint, expires_at=expires_at)
    return _show_once(request, user, key, _("The key is issued."))


def _rotate(request: HttpRequest, user: User, reason: str, expires_at: datetime | None, overlap: int) -> HttpResponse:
    before = user.api_key_hint
    key = keys.rotate(user, timedelta(seconds=overlap), expires_at)
    ends = {"expires_at": expires_at, "former_key_ends_at": user.retired_api_key_expires_at}
    audit(request.user, "rotate key", user, reason, before={"hint": before}, after={"hint": user.api_key_hint}, **ends)
    return _show_once(request, user, key, _("The key is rotated."))


def _revoke(request: HttpRequest, user: User, reason: str) -> None:
    hint = user.api_key_hint
    keys.revoke(user)
    audit(request.user, "revoke key", user, reason, before={"hint": hint})


def _switch(active: bool) -> Any:
    def switch(request: HttpRequest, user: User, reason: str) -> None:
        User.objects.filter(pk=user.pk).update(is_active=active)
        action = "enable" if active else "disable"
        audit(request.user, action, user, reason, before={"is_active": not active}, after={"is_active": active})

    return switch


def _remove_device(request: HttpRequest, user: User, reason: str) -> None:
    second_factor.remove(user, request.user, reason)


def _show_once(request: HttpRequest, user: User, key: str, what: str) -> HttpResponse:
    """Answer with the key itself: a message for the next page would lie in a cookie until then."""
    from django.contrib import admin

    context = {
        **admin.site.each_context(request),
        "opts": user._meta,
        "object": user,
        "title": _("API key of %(user)s") % {"user": user},
        "back": reverse("admin:accounts_user_change", args=[user.pk]),
    }
    response = TemplateResponse(request, "admin/accounts/user/key.html", {**context, "what": what, "key": key})
    response["Cache-Control"] = "no-store"
    return response


ACTS: Final = (
    Act(
        "issue_key",
        gettext_lazy("Issue an API key"),
        gettext_lazy("The key is shown once, on the next page. Whoever has it acts as this user."),
        _issue,
        form=NewKeyForm,
        offered=lambda user: not _has_key(user) and user.is_active,
    ),
    Act(
        "rotate_key",
        gettext_lazy("Rotate the API key"),
        gettext_lazy("A new key is shown once. The present one goes on for a while, one before it ends now."),
        _rotate,
        form=RotationForm,
        offered=lambda user: _has_key(user) and user.is_active,
    ),
    Act(
        "revoke_key",
        gettext_lazy("Revoke API keys"),
        gettext_lazy("All keys of this user end with the next request. Clients that have them get 401."),
        _revoke,
        gettext_lazy("There is no API key any more."),
        danger=True,
        offered=_has_key,
    ),
    Act(
        "remove_device",
        gettext_lazy("Reset two-step login"),
        gettext_lazy("Device and recovery codes are forgotten; the password alone lets them in. Be sure who asks."),
        _remove_device,
        gettext_lazy("Their password alone lets them in."),
        danger=True,
        offered=lambda user: second_factor.device_of(user) is not None,
    ),
    Act(
        "disable",
        gettext_lazy("Disable"),
        gettext_lazy("Neither password nor key lets them in any more. Their jobs stay, and those that wait are run."),
        _switch(active=False),
        gettext_lazy("The user is disabled."),
        danger=True,
        offered=lambda user: user.is_active,
    ),
    Act(
        "enable",
        gettext_lazy("Enable"),
        gettext_lazy("Password and key let them in again."),
        _switch(active=True),
        gettext_lazy("The user is enabled."),
        offered=lambda user: not user.is_active,
    ),
)
