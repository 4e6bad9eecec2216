from __future__ import annotations

from typing import Any, cast

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.users import UserSerializer
from accounts.api.views import APIView


class AllowanceSerializer(serializers.Serializer[Any]):
    """What is left of the requests of the last 60 seconds."""

    limit = serializers.IntegerField()
    burst = serializers.IntegerField(help_text="What may come above the limit, after less than the limit was used.")
    remaining = serializers.IntegerField()
    reset_after = serializers.IntegerField(help_text="Seconds until the oldest request stops counting.")


class MeSerializer(UserSerializer):
    rate_limit = AllowanceSerializer(source="allowance", read_only=True)

    class Meta(UserSerializer.Meta):
        fields: tuple[str, ...] = (*UserSerializer.Meta.fields, "rate_limit")


class MeView(APIView):
    @extend_schema(operation_id="me", tags=["account"], responses=MeSerializer)
    def get(self, request: Request) -> Response:
        """Say who is asking, what they may do and how many requests are left."""
        me = cast(Any, request.user)
        me.allowance = getattr(request._request, "rate_limit", None)
        return Response(MeSerializer(me).data)
