from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.shortcuts import get_object_or_404
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import keys
from accounts.api.fields import Moment, WholeNumber
from accounts.api.strict import StrictSerializer
from accounts.api.views import APIView
from accounts.auditing import audit
from accounts.models import User
from accounts.permissions import IsAdmin


class NewKeySerializer(StrictSerializer):
    overlap_seconds = WholeNumber(
        default=int(keys.OVERLAP.total_seconds()),
        min_value=0,
        max_value=int(keys.LONGEST_OVERLAP.total_seconds()),
        help_text="How long the key that was used until now stays alive.",
    )
    expires_at = Moment(required=False, allow_null=True, help_text="When the new key ends; without it, never.")

    def validate_expires_at(self, moment: datetime | None) -> datetime | None:
        if moment is not None and moment <= timezone.now():
            raise serializers.ValidationError("Must lie ahead.", "past")
        return moment


class IssuedKeySerializer(serializers.Serializer[Any]):
    api_key = serializers.CharField(help_text="The key. It is shown only here and cannot be read again.")
    expires_at = serializers.DateTimeField(allow_null=True)
    previous_key_ends_at = serializers.DateTimeField(allow_null=True)


@extend_schema(tags=["users"])
class UserKeysView(APIView):
    permission_classes = (IsAdmin,)

    # No Idempotency-Key here: the answer would be stored, and the key with it.
    @extend_schema(operation_id="users_keys_create", request=NewKeySerializer, responses={201: IssuedKeySerializer})
    def post(self, request: Request, user_id: str) -> Response:
        """Issue a key, or rotate it: the present one lives on for the overlap."""
        wish = NewKeySerializer(data=request.data)
        wish.is_valid(raise_exception=True)
        user = get_object_or_404(User, user_id=user_id)
        overlap = timedelta(seconds=wish.validated_data["overlap_seconds"])
        before = user.api_key_hint
        key = keys.rotate(user, overlap, wish.validated_data.get("expires_at"))
        hints = {"before": {"hint": before}, "after": {"hint": user.api_key_hint}}
        audit(request.user, "rotate key" if before else "issue key", user, "By the API.", **hints)
        answer = {
            "api_key": key,
            "expires_at": user.api_key_expires_at,
            "previous_key_ends_at": user.retired_api_key_expires_at,
        }
        response = Response(IssuedKeySerializer(answer).data, status=status.HTTP_201_CREATED)
        response["Cache-Control"] = "no-store"
        return response

    @extend_schema(operation_id="users_keys_destroy", responses={204: None})
    def delete(self, request: Request, user_id: str) -> Response:
        """End all keys of the user, from the next request on."""
        user = get_object_or_404(User, user_id=user_id)
        hint = user.api_key_hint
        keys.revoke(user)
        audit(request.user, "revoke key", user, "By the API.", before={"hint": hint})
        return Response(status=status.HTTP_204_NO_CONTENT)
