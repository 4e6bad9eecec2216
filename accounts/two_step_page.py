"""The page on which people set up the device whose codes they log in with."""

from __future__ import annotations

from typing import Any

from django import forms
from django.conf import settings
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.safestring import mark_safe
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts import login_locks, second_factor


class PasswordForm(forms.Form):
    """Asked before anything changes: an open screen is not enough."""

    password = forms.CharField(
        label=gettext_lazy("Your password"),
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )

    def __init__(self, request: HttpRequest, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.request = request

    def clean_password(self) -> str:
        password: str = self.cleaned_data["password"]
        user: Any = self.request.user
        try:
            login_locks.count_attempt(self.request, user.user_id)
        except login_locks.LoginLocked as locked:
            raise ValidationError(_("There were too many failed attempts. Wait some minutes.")) from locked
        if not user.check_password(password):
            login_locks.note_failure(self.request, user.user_id)
            raise ValidationError(_("This is not your password."))
        login_locks.forget(self.request, user.user_id)
        return password


class ConfirmForm(PasswordForm):
    """The first code of a new device."""

    code = forms.CharField(
        label=gettext_lazy("Code"),
        max_length=32,
        widget=forms.TextInput(attrs={"autocomplete": "one-time-code", "inputmode": "numeric"}),
        help_text=gettext_lazy("The six digits that the app shows now."),
    )
    field_order = ("code", "password")


def two_step_page(request: HttpRequest, context: dict[str, Any]) -> HttpResponse:
    """Show what there is, and set up, renew or remove it."""
    wish = request.POST.get("wish", "") if request.method == "POST" else ""
    if wish == "confirm":
        return _confirm(request, context)
    if wish in ("renew", "remove"):
        return _with_password(request, context, wish)
    return _page(request, context)


def _confirm(request: HttpRequest, context: dict[str, Any]) -> HttpResponse:
    if second_factor.device_of(request.user) is not None:
        return _page(request, context)
    form = ConfirmForm(request, request.POST)
    codes = second_factor.confirm(request.user, form.cleaned_data["code"]) if form.is_valid() else None
    if codes is None:
        if form.is_valid():
            form.add_error("code", _("This is no code of it. Look whether the clock of the device is right."))
        return _page(request, context, confirm=form)
    # Whoever knows the old session only has the password.
    request.session.cycle_key()
    return _codes(request, context, codes)


def _with_password(request: HttpRequest, context: dict[str, Any], wish: str) -> HttpResponse:
    form = PasswordForm(request, request.POST)
    if not form.is_valid():
        return _page(request, context, password=form)
    if wish == "renew":
        return _codes(request, context, second_factor.renew_codes(request.user))
    second_factor.remove(request.user, request.user)
    messages.success(request, _("Your password alone lets you in again."))
    return HttpResponseRedirect(reverse("admin:two_step"))


def _codes(request: HttpRequest, context: dict[str, Any], codes: list[str]) -> HttpResponse:
    shown = {**context, "title": _("Your recovery codes"), "codes": codes}
    return TemplateResponse(request, "accounts/recovery_codes.html", shown)


def _page(request: HttpRequest, context: dict[str, Any], **forms_given: forms.Form) -> HttpResponse:
    device = second_factor.device_of(request.user)
    shown = {
        **context,
        "title": _("Two-step login"),
        "device": device,
        "required": settings.CONSOLE_REQUIRE_TWO_STEP,
        "confirm": ConfirmForm(request),
        "password": PasswordForm(request),
        **forms_given,
    }
    if device is not None:
        shown["left"] = second_factor.codes_left(request.user)
    else:
        new = second_factor.begin(request.user)
        # Drawn by us of what we have made.
        shown |= {"picture": mark_safe(second_factor.picture(new)), "key": second_factor.spelled(new)}  # noqa: S308
    return TemplateResponse(request, "accounts/two_step.html", shown)
