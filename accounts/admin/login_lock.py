from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts import login_locks
from accounts.admin.acting import Act, ActingAdmin
from accounts.admin.times import moment
from accounts.models import LoginLock


def _lift(request: HttpRequest, lock: LoginLock, reason: str) -> None:
    login_locks.lift(lock.pk, request.user, reason)


@admin.register(LoginLock)
class LoginLockAdmin(ActingAdmin):
    """Failed logins, and who has to wait because of them."""

    list_display = ("who", "network", "failures", "last", "waits_until")
    list_display_links = None
    search_fields = ("name__startswith", "network__startswith")
    show_full_result_count = False
    list_per_page = 50
    sortable_by = ()
    search_help_text = gettext_lazy("The beginning of a name or of a network.")
    acts = (
        Act(
            "lift",
            gettext_lazy("Let them try again"),
            gettext_lazy("Their failures are forgotten: the next attempt is looked at at once."),
            _lift,
            gettext_lazy("They may try again."),
        ),
    )

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        return super().changelist_view(request, {"title": _("Failed logins"), **(extra_context or {})})

    def get_list_display(self, request: HttpRequest) -> tuple[str, ...]:
        return (*self.list_display, "way_out") if self.has_act_permission(request) else self.list_display

    def after(self, row: Any) -> str:
        return reverse("admin:accounts_loginlock_changelist")

    @admin.display(description=gettext_lazy("who"))
    def who(self, lock: LoginLock) -> str:
        return lock.name or _("everybody there")

    @admin.display(description=gettext_lazy("waits until"))
    def waits_until(self, lock: LoginLock) -> SafeString | str:
        return moment(lock.locked_until) if lock.locked_until and lock.locked_until > timezone.now() else ""

    @admin.display(description=gettext_lazy("last failure"))
    def last(self, lock: LoginLock) -> SafeString | str:
        return moment(lock.last_failed_at)

    @admin.display(description=gettext_lazy("way out"))
    def way_out(self, lock: LoginLock) -> SafeString | str:
        address = reverse("admin:accounts_loginlock_lift", args=[lock.pk])
        return format_html('<a href="{}">{}</a>', address, _("Let them try again"))
