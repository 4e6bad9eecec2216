from __future__ import annotations

from collections.abc import Iterable
from functools import update_wrapper
from typing import Any, Final

from django.contrib import messages
from django.contrib.admin import AdminSite
from django.contrib.auth import REDIRECT_FIELD_NAME, logout
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, URLResolver, path, reverse
from django.utils.decorators import method_decorator
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache

#: Open to those who still have to set up their device.
_BEFORE_TWO_STEPS: Final = frozenset({"two_step", "logout", "jsi18n"})
#: Their tables hold what codes are made of; people see of them what our own pages show.
_HIDDEN: Final = frozenset({"otp_totp", "otp_static"})


class ConsoleSite(AdminSite):
    """Django's admin site with two-step login, and sessions that end by themselves."""

    def register(self, model_or_iterable: Any, admin_class: Any = None, **options: Any) -> None:
        models = model_or_iterable if isinstance(model_or_iterable, Iterable) else [model_or_iterable]
        shown = [model for model in models if model._meta.app_label not in _HIDDEN]
        super().register(shown, admin_class, **options)

    def get_urls(self) -> list[URLResolver | URLPattern]:
        own: list[URLResolver | URLPattern] = [
            path("login/code/", self.login_code, name="login_code"),
            path("two-step/", self.admin_view(self.two_step), name="two_step"),
        ]
        return own + super().get_urls()

    @method_decorator(never_cache)
    @method_decorator(login_not_required)
    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Ask for the password."""
        from accounts.login_page import password_page  # the models of the apps are not there yet when this is imported

        if request.method == "GET" and self.has_permission(request):
            return HttpResponseRedirect(reverse("admin:index", current_app=self.name))
        context = {**self._context_of_login(request), **(extra_context or {})}
        if REDIRECT_FIELD_NAME not in request.GET and REDIRECT_FIELD_NAME not in request.POST:
            context[REDIRECT_FIELD_NAME] = reverse("admin:index", current_app=self.name)
        request.current_app = self.name
        answer: HttpResponse = password_page(context)(request)
        return answer

    @method_decorator(never_cache)
    @method_decorator(login_not_required)
    def login_code(self, request: HttpRequest) -> HttpResponse:
        """Ask for the code of the device."""
        from accounts.login_page import code_page

        return code_page(request, self._context_of_login(request))

    def two_step(self, request: HttpRequest) -> HttpResponse:
        """Let people set up their device."""
        from accounts.two_step_page import two_step_page

        return two_step_page(request, self.each_context(request))

    def admin_view(self, view: Any, cacheable: bool = False) -> Any:
        inner = super().admin_view(view, cacheable)

        def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
            return self._turned_away(request) or inner(request, *args, **kwargs)

        return update_wrapper(guarded, inner)

    def _turned_away(self, request: HttpRequest) -> HttpResponse | None:
        """Send away whose session has ended, and to their own page who needs a device and has none."""
        from accounts import second_factor, session_ends

        if not self.has_permission(request):
            return None
        name = request.resolver_match.url_name if request.resolver_match else None
        if session_ends.has_ended(request):
            back = request.get_full_path() if request.method == "GET" and name != "logout" else reverse("admin:index")
            logout(request)
            messages.info(request, _("You were logged out because nothing was done for a while. Log in again."))
            return redirect_to_login(back, reverse("admin:login", current_app=self.name))
        if name not in _BEFORE_TWO_STEPS and second_factor.is_missing(request.user):
            return HttpResponseRedirect(reverse("admin:two_step", current_app=self.name))
        return None

    def _context_of_login(self, request: HttpRequest) -> dict[str, Any]:
        said = {"title": _("Log in"), "subtitle": None, "app_path": request.get_full_path()}
        return {**self.each_context(request), **said, "username": request.user.get_username()}
