"""The page on which people choose how the console speaks to them, and the switch of its header."""

from __future__ import annotations

from typing import Any, Final

from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils import translation
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST

from accounts.models import User
from accounts.preferences import zones
from accounts.row_security import acting_as

_YEAR: Final = 365 * 86_400


def _zone_choices() -> list[tuple[Any, Any]]:
    """Give the zones by their continent, behind the choice to leave it to the browser."""
    regions: dict[str, list[tuple[str, str]]] = {}
    for name in sorted(zones()):
        region, _slash, place = name.rpartition("/")
        regions.setdefault(region.split("/")[0] or "UTC", []).append((name, (place or name).replace("_", " ")))
    return [("", _("As my browser says")), *regions.items()]


class PreferencesForm(forms.Form):
    """What is remembered of somebody, wherever they log in."""

    language = forms.ChoiceField(label=gettext_lazy("Language"), required=False)
    time_zone = forms.ChoiceField(
        label=gettext_lazy("Time zone"),
        required=False,
        help_text=gettext_lazy("All times of the console are shown in it, and read in it where you enter one."),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["language"].choices = [("", _("As my browser says")), *settings.LANGUAGES]  # type: ignore[attr-defined]
        self.fields["time_zone"].choices = _zone_choices()  # type: ignore[attr-defined]


def preferences(request: HttpRequest) -> HttpResponse:
    """Show what is chosen and keep what is chosen anew; everyone has their own."""
    initial = {name: getattr(request.user, name, "") for name in PreferencesForm.base_fields}
    form = PreferencesForm(request.POST or None, initial=initial)
    if request.method == "POST" and form.is_valid():
        _keep(request, **form.cleaned_data)
        language = form.cleaned_data["language"]
        with translation.override(language or translation.get_language()):
            messages.success(request, _("Your preferences are kept."))
        response = redirect("preferences")
        _remember(response, language)
        return response
    context = {**admin.site.each_context(request), "title": _("Preferences"), "form": form}
    return TemplateResponse(request, "accounts/preferences.html", context)


@require_POST
def switch_language(request: HttpRequest) -> HttpResponse:
    """Speak another language from now on, and return to the page that asked for it; open to whoever logs in yet."""
    chosen, back = request.POST.get("language", ""), request.POST.get("next", "")
    if not url_has_allowed_host_and_scheme(back, {request.get_host()}, request.is_secure()):
        back = reverse("admin:index")
    response = HttpResponseRedirect(back)
    if chosen in dict(settings.LANGUAGES):
        if request.user.is_authenticated:
            _keep(request, language=chosen)
        _remember(response, chosen)
    return response


def _keep(request: HttpRequest, **chosen: str) -> None:
    with acting_as(request.user):
        User.objects.filter(user_id=request.user.get_username()).update(**chosen)


def _remember(response: HttpResponse, language: str) -> None:
    """Have the browser keep the language too, for the page to log in at."""
    if not language:
        response.delete_cookie(settings.LANGUAGE_COOKIE_NAME, path=settings.LANGUAGE_COOKIE_PATH)
        return
    response.set_cookie(
        settings.LANGUAGE_COOKIE_NAME,
        language,
        max_age=_YEAR,
        path=settings.LANGUAGE_COOKIE_PATH,
        secure=settings.LANGUAGE_COOKIE_SECURE,
        httponly=settings.LANGUAGE_COOKIE_HTTPONLY,
        samesite="Lax",
    )


urlpatterns = [
    path("preferences/", admin.site.admin_view(preferences), name="preferences"),
    path("language/", switch_language, name="switch-language"),
]
