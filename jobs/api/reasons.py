from rest_framework.request import Request

from accounts.api.fields import Text
from accounts.api.strict import StrictSerializer

REASON_MAX_LENGTH = 2_000


class ReasonSerializer(StrictSerializer):
    """Why somebody does it; kept in the audit log."""

    reason = Text(required=False, default="", allow_blank=True, max_length=REASON_MAX_LENGTH)


def reason_of(request: Request) -> str:
    """Read the optional body `{"reason": "…"}`."""
    wish = ReasonSerializer(data=request.data)
    wish.is_valid(raise_exception=True)
    return str(wish.validated_data["reason"])
