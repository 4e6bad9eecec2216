from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts import keys
from accounts.api.fields import WholeNumber
from accounts.api.strict import StrictSerializer
from accounts.models import User
from accounts.permissions import IsAdmin

MAX_OVERLAP = timedelta(days=30)


class NewKeySerializer(StrictSerializer):
    overlap_seconds = WholeNumber(
        default=int(keys.OVERLAP.total_seconds()),
        min_value=0,
        max_value=int(MAX_OVERLAP.total_seconds()),
        help_text="How long the key that was used until now stays alive.",
    )


class IssuedKeySerializer(serializers.Serializer[Any]):
    api_key = serializers.CharField(help_text="The key. It is shown only here and cannot be read again.")
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
        key = keys.rotate(user, timedelta(seconds=wish.validated_data["overlap_seconds"]))
        answer = {"api_key": key, "previous_key_ends_at": user.retired_api_key_expires_at}
        response = Response(IssuedKeySerializer(answer).data, status=status.HTTP_201_CREATED)
        response["Cache-Control"] = "no-store"
        return response

    @extend_schema(operation_id="users_keys_destroy", responses={204: None})
    def delete(self, request: Request, user_id: str) -> Response:
        """End all keys of the user, from the next request on."""
        keys.revoke(get_object_or_404(User, user_id=user_id))
        return Response(status=status.HTTP_204_NO_CONTENT)
