from __future__ import annotations

from typing import Any, ClassVar

from django.db import IntegrityError, models, transaction
from drf_spectacular.utils import extend_schema
from rest_framework import mixins, serializers, status
from rest_framework.exceptions import APIException
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.fields import Text, WholeNumber, YesNo
from accounts.api.idempotency import idempotent
from accounts.api.strict import StrictSerializer
from accounts.api.views import GenericViewSet
from accounts.auditing import audit
from accounts.models import USER_ID_VALIDATOR, User
from accounts.permissions import IsAdmin


class UserExists(APIException):
    status_code = status.HTTP_409_CONFLICT
    default_detail = "There is a user of this name already."
    default_code = "already-exists"


class KeySummarySerializer(serializers.ModelSerializer[User]):
    """What may be said of a key: never the key."""

    hint = serializers.CharField(source="api_key_hint", help_text="The last four characters.")
    issued_at = serializers.DateTimeField(source="api_key_issued_at", allow_null=True)
    expires_at = serializers.DateTimeField(source="api_key_expires_at", allow_null=True)
    last_used_at = serializers.DateTimeField(source="api_key_last_used_at", allow_null=True)
    previous_key_ends_at = serializers.DateTimeField(source="retired_api_key_expires_at", allow_null=True)

    class Meta:
        model = User
        fields = ("hint", "issued_at", "expires_at", "last_used_at", "previous_key_ends_at")
        read_only_fields = fields


class UserSerializer(StrictSerializer, serializers.ModelSerializer[User]):
    serializer_field_mapping: ClassVar[dict[Any, Any]] = {
        **serializers.ModelSerializer.serializer_field_mapping,
        models.CharField: Text,
        models.IntegerField: WholeNumber,
        models.BooleanField: YesNo,
    }

    api_key = KeySummarySerializer(source="*", read_only=True)

    class Meta:
        model = User
        fields: tuple[str, ...] = (
            "user_id",
            "name",
            "email",
            "role",
            "tier",
            "is_active",
            "rate_limit_per_minute",
            "allowed_languages",
            "api_key",
            "last_active_at",
            "created_at",
            "updated_at",
        )
        # A name that is taken is a conflict, found by the database: two requests at once would both pass a check here.
        extra_kwargs: ClassVar[dict[str, Any]] = {"user_id": {"validators": [USER_ID_VALIDATOR]}}
        read_only_fields: tuple[str, ...] = ("last_active_at", "created_at", "updated_at")


class UserChangeSerializer(UserSerializer):
    """A user's name is how others refer to them, so it stays."""

    class Meta(UserSerializer.Meta):
        read_only_fields: tuple[str, ...] = ("user_id", *UserSerializer.Meta.read_only_fields)


@extend_schema(tags=["users"])
class UserViewSet(
    mixins.ListModelMixin,
    mixins.CreateModelMixin,
    mixins.RetrieveModelMixin,
    mixins.UpdateModelMixin,
    GenericViewSet[User],
):
    """The users of this installation, for administrators. Nobody is deleted; set `is_active` to false instead."""

    queryset = User.objects.all()
    permission_classes = (IsAdmin,)
    lookup_field = "user_id"
    lookup_value_regex = r"[\w.@+:-]+"
    http_method_names = ("get", "post", "patch", "head", "options")

    def get_serializer_class(self) -> type[UserSerializer]:
        return UserChangeSerializer if self.action == "partial_update" else UserSerializer

    @idempotent
    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return super().create(request, *args, **kwargs)

    def perform_create(self, serializer: serializers.BaseSerializer[User]) -> None:
        try:
            with transaction.atomic():
                serializer.save()
        except IntegrityError as exc:
            raise UserExists from exc
        audit(self.request.user, "create", _of(serializer), "By the API.", after=dict(serializer.validated_data))

    def perform_update(self, serializer: serializers.BaseSerializer[User]) -> None:
        user = _of(serializer)
        before = {name: getattr(user, name) for name in serializer.validated_data}
        serializer.save()
        after = {name: getattr(user, name) for name in before}
        audit(self.request.user, "change", user, "By the API.", before=before, after=after)

    def get_success_headers(self, data: Any) -> dict[str, str]:
        return {"Location": self.reverse_action("detail", args=[data["user_id"]])}


def _of(serializer: serializers.BaseSerializer[User]) -> User:
    user = serializer.instance
    assert isinstance(user, User)
    return user
