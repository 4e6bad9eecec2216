from __future__ import annotations

from typing import Any, Final

from django.contrib import admin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.forms import AdminUserCreationForm
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts import keys, rate_limits, second_factor
from accounts.admin.acting import ActingAdmin
from accounts.admin.times import moment
from accounts.admin.user_acts import ACTS
from accounts.auditing import audit
from accounts.models import User

_LIMITS: Final = ("rate_limit_per_minute", "allowed_languages", "api_key_expires_at")
#: What the audit log tells of a user who was changed by the form.
_TOLD: Final = ("user_id", "name", "email", "role", "tier", "is_active", *_LIMITS)


class UserCreationForm(AdminUserCreationForm):  # type: ignore[type-arg]
    """A user with a password, or without one: a program that only needs an API key."""

    class Meta:
        model = User
        fields = ("user_id", "name", "email", "role", "tier", "rate_limit_per_minute")


@admin.register(User)
class UserAdmin(ActingAdmin, DjangoUserAdmin):  # type: ignore[type-arg]
    """Users, roles and API keys. Nobody is deleted, because jobs and audit entries refer to them."""

    add_form = UserCreationForm
    ordering = ("user_id",)
    list_per_page = 50
    show_full_result_count = False
    list_display = ("user_id", "name", "role", "tier", "state", "api_key", "key_used", "limit", "seen")
    sortable_by = ("user_id",)
    list_filter = ("role", "tier", "is_active")
    search_fields = ("user_id__startswith", "name__startswith", "email__startswith")
    search_help_text = gettext_lazy("The beginning of a name, a user id or an address.")
    filter_horizontal = ()
    fieldsets = (
        (None, {"fields": ("user_id", "password", "name", "email")}),
        (
            gettext_lazy("Rights and limits"),
            {"fields": ("role", "tier", "is_active", *_LIMITS)},
        ),
    )
    add_fieldsets = ((None, {"fields": (*UserCreationForm.Meta.fields, "usable_password", "password1", "password2")}),)
    change_form_template = "admin/accounts/user/change_form.html"
    acts = ACTS

    @admin.display(description=gettext_lazy("API key"))
    def api_key(self, user: User) -> str:
        if not user.api_key_hash:
            return _("none")
        ended = user.api_key_expires_at is not None and user.api_key_expires_at <= timezone.now()
        return f"…{user.api_key_hint} ({_('ended')})" if ended else f"…{user.api_key_hint}"

    @admin.display(description=gettext_lazy("key used"), empty_value="")
    def key_used(self, user: User) -> SafeString | str:
        return moment(user.api_key_last_used_at)

    @admin.display(description=gettext_lazy("last seen"))
    def seen(self, user: User) -> SafeString | str:
        return moment(user.last_active_at)

    @admin.display(description=gettext_lazy("a minute"))
    def limit(self, user: User) -> str:
        return f"{user.rate_limit_per_minute:,}"

    @admin.display(description=gettext_lazy("state"))
    def state(self, user: User) -> SafeString:
        kind, text = ("alive", _("active")) if user.is_active else ("silent", _("disabled"))
        return format_html('<span class="badge badge-{}">{}</span>', kind, text)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        return super().changelist_view(request, {"title": _("API users"), **(extra_context or {})})

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        user = self.get_object(request, object_id)
        beside = {} if user is None else self._beside(request, user)
        return super().change_view(request, object_id, form_url, {**beside, **(extra_context or {})})

    def _beside(self, request: HttpRequest, user: User) -> dict[str, Any]:
        """Give what the page shows above the form."""
        return {
            "person": user,
            "buttons": self.buttons(request, user),
            "left": rate_limits.left(user),
            "burst": rate_limits.burst_size(),
            "key_name": self.api_key(user),
            "live_key": keys.has_live_key(user),
            "device": second_factor.device_of(user) if user.is_staff else None,
        }

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """Save, and write into the audit log what was changed; of the password only that it was."""
        before = User.objects.filter(pk=obj.pk).values(*_TOLD).first() if change else None
        super().save_model(request, obj, form, change)
        told = [name for name in form.changed_data if name in _TOLD] if change else list(_TOLD)
        after = {name: getattr(obj, name) for name in told}
        was = {name: before[name] for name in told} if before else {}
        audit(request.user, "change" if change else "create", obj, before=was, after=after)

    def user_change_password(self, request: HttpRequest, id: str, form_url: str = "") -> HttpResponse:
        response: HttpResponse = super().user_change_password(request, id, form_url)
        if request.method == "POST" and response.status_code == 302:
            audit(request.user, "change password", User.objects.get(pk=id))
        return response
