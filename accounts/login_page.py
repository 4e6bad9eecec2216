"""Logging in to the console: the password, and for those who have one a code of their device."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Final, cast

from django import forms
from django.contrib.admin.forms import AdminAuthenticationForm
from django.contrib.auth import login
from django.contrib.auth.views import LoginView
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts import login_locks, second_factor
from accounts.models import User

#: Where the session keeps who has given the password and is asked for the code.
_HALFWAY: Final = "ekiden_halfway"
#: For as long, in seconds.
_PATIENCE: Final = 300.0


class LoginForm(AdminAuthenticationForm):
    """Says how long to wait after too many failures."""

    def get_invalid_login_error(self) -> ValidationError:
        until = login_locks.locked_until(cast(HttpRequest, self.request), self.cleaned_data.get("username") or "")
        return _wait(until) if until else super().get_invalid_login_error()


class CodeForm(forms.Form):
    code = forms.CharField(
        label=gettext_lazy("Code"),
        max_length=32,
        widget=forms.TextInput(attrs={"autocomplete": "one-time-code", "autofocus": True, "inputmode": "text"}),
        help_text=gettext_lazy("The six digits that your device shows, or one of your recovery codes."),
    )


class PasswordView(LoginView):
    """The first step. Who has a device is not logged in yet."""

    authentication_form = LoginForm
    template_name = "admin/login.html"
    next_page = "admin:index"

    def form_valid(self, form: Any) -> HttpResponse:
        user = form.get_user()
        if second_factor.device_of(user) is None:
            login_locks.forget(self.request, user.user_id)
            return super().form_valid(form)
        # A new session, so that nobody goes on with one that they have given to somebody.
        self.request.session.flush()
        self.request.session[_HALFWAY] = {"user": str(user.pk), "at": time.time(), "next": self.get_success_url()}
        return HttpResponseRedirect(reverse("admin:login_code"))


def code_page(request: HttpRequest, context: dict[str, Any]) -> HttpResponse:
    """The second step: take a code, or begin anew when it took too long."""
    halfway = request.session.get(_HALFWAY)
    user = _who(halfway)
    if user is None:
        request.session.pop(_HALFWAY, None)
        return HttpResponseRedirect(reverse("admin:login"))
    target = str(cast(dict[str, Any], halfway)["next"])
    form = CodeForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid() and _accepted(request, user, form):
        login_locks.forget(request, user.user_id)
        del request.session[_HALFWAY]
        login(request, user, "accounts.password_backend.LimitedPasswordBackend")
        return HttpResponseRedirect(target)
    shown = {**context, "form": form, "title": _("Two-step login"), "subtitle": None, "who": user.user_id}
    return TemplateResponse(request, "admin/login_code.html", shown)


def _who(halfway: Any) -> User | None:
    if not halfway or time.time() - halfway["at"] > _PATIENCE:
        return None
    return User.objects.filter(pk=halfway["user"], is_active=True).first()


def _accepted(request: HttpRequest, user: User, form: CodeForm) -> bool:
    try:
        login_locks.count_attempt(request, user.user_id)
    except login_locks.LoginLocked as locked:
        form.add_error(None, _wait(locked.until))
        return False
    if second_factor.verify(user, form.cleaned_data["code"]):
        return True
    login_locks.note_failure(request, user.user_id)
    form.add_error("code", _("This code is not good, or was used before. Wait for the next one."))
    return False


def _wait(until: Any) -> ValidationError:
    minutes = max(1, round((until - timezone.now()).total_seconds() / 60))
    moment = date_format(timezone.localtime(until), "H:i e")
    return ValidationError(
        _("Too many failed attempts. Try again in %(minutes)d min, at %(moment)s, or ask an administrator.")
        % {"minutes": minutes, "moment": moment},
        code="locked",
    )


def password_page(context: dict[str, Any]) -> Callable[..., Any]:
    """Give the view of the first step."""
    return PasswordView.as_view(extra_context=context)
