from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from django.contrib import admin, messages
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.forms import AdminUserCreationForm
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path

from accounts import keys
from accounts.models import User, Workspace


class UserCreationForm(AdminUserCreationForm):  # type: ignore[type-arg]
    """A user with a password, or without one: a program that only needs an API key."""

    class Meta:
        model = User
        fields = ("user_id", "name", "email", "role")


@admin.register(User)
class UserAdmin(DjangoUserAdmin):  # type: ignore[type-arg]
    """Users, roles and API keys. Nobody is deleted, because jobs and audit entries refer to them."""

    add_form = UserCreationForm
    ordering = ("user_id",)
    list_display = (
        "user_id",
        "name",
        "role",
        "tier",
        "is_active",
        "rate_limit_per_minute",
        "api_key",
        "key_ends",
        "last_active_at",
    )
    list_filter = ("role", "tier", "is_active")
    search_fields = ("user_id", "name", "email")
    filter_horizontal = ()
    readonly_fields = (
        "api_key",
        "api_key_issued_at",
        "api_key_last_used_at",
        "retired_api_key_expires_at",
        "last_active_at",
        "last_login",
        "created_at",
        "updated_at",
    )
    fieldsets = (
        (None, {"fields": ("user_id", "password", "name", "email")}),
        ("Rights", {"fields": ("role", "tier", "is_active", "rate_limit_per_minute", "allowed_languages")}),
        (
            "API key",
            {
                "fields": (
                    "api_key",
                    "api_key_issued_at",
                    "api_key_expires_at",
                    "api_key_last_used_at",
                    "retired_api_key_expires_at",
                )
            },
        ),
        ("Times", {"fields": ("last_active_at", "last_login", "created_at", "updated_at")}),
    )
    add_fieldsets = (
        (None, {"fields": ("user_id", "name", "email", "role", "usable_password", "password1", "password2")}),
    )

    @admin.display(description="API key")
    def api_key(self, user: User) -> str:
        return f"{keys.PREFIX}…{user.api_key_hint}" if user.api_key_hash else "none"

    @admin.display(description="key ends", empty_value="")
    def key_ends(self, user: User) -> datetime | None:
        return user.api_key_expires_at

    def has_delete_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        return False

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        return [
            path("<uuid:pk>/key/issue/", view(self.issue_key), name="accounts_user_issue_key"),
            path("<uuid:pk>/key/rotate/", view(self.rotate_key), name="accounts_user_rotate_key"),
            path("<uuid:pk>/key/revoke/", view(self.revoke_key), name="accounts_user_revoke_key"),
            *super().get_urls(),
        ]

    def issue_key(self, request: HttpRequest, pk: Any) -> HttpResponse:
        return self._with_user(request, pk, self._issue)

    def rotate_key(self, request: HttpRequest, pk: Any) -> HttpResponse:
        return self._with_user(request, pk, self._rotate)

    def revoke_key(self, request: HttpRequest, pk: Any) -> HttpResponse:
        return self._with_user(request, pk, self._revoke)

    def _with_user(
        self, request: HttpRequest, pk: Any, act: Callable[[HttpRequest, User], HttpResponse]
    ) -> HttpResponse:
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        user = get_object_or_404(User, pk=pk)
        if not self.has_change_permission(request, user):
            raise PermissionDenied
        return act(request, user)

    def _issue(self, request: HttpRequest, user: User) -> HttpResponse:
        return self._show_once(request, user, keys.issue(user), "Issued an API key and ended all older ones.")

    def _rotate(self, request: HttpRequest, user: User) -> HttpResponse:
        return self._show_once(request, user, keys.rotate(user), "Rotated the API key.")

    def _revoke(self, request: HttpRequest, user: User) -> HttpResponse:
        keys.revoke(user)
        self.log_change(request, user, "Revoked all API keys.")
        messages.success(request, f"{user} has no API key any more.")
        return redirect("admin:accounts_user_change", user.pk)

    def _show_once(self, request: HttpRequest, user: User, key: str, what: str) -> HttpResponse:
        """Answer with the key itself: a message for the next page would lie in a cookie until then."""
        self.log_change(request, user, what)
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "object": user,
            "title": f"API key of {user}",
        }
        return TemplateResponse(request, "admin/accounts/user/key.html", {**context, "what": what, "key": key})


@admin.register(Workspace)
class WorkspaceAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = ("name", "created_at")
    search_fields = ("name",)
