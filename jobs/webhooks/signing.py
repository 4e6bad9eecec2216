"""Secrets of endpoints, and what a message is signed with: https://www.standardwebhooks.com."""

import base64
import secrets
import time
from datetime import UTC, datetime
from typing import Final

#: Of a new secret; the specification wants 24 to 64.
_SECRET_BYTES: Final = 32
PREFIX: Final = "whsec_"


def new_secret() -> str:
    """Make a secret as the specification writes it."""
    return PREFIX + base64.b64encode(secrets.token_bytes(_SECRET_BYTES)).decode()


def signed_headers(message_id: str, body: bytes, keys: list[str], now: float | None = None) -> dict[str, str]:
    """Give the three headers of a message; with two secrets it bears two signatures, of which one has to fit."""
    from standardwebhooks.webhooks import Webhook  # only where something is sent

    moment = datetime.fromtimestamp(int(time.time() if now is None else now), UTC)
    signatures = [Webhook(key).sign(message_id, moment, body.decode()) for key in keys]
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(int(moment.timestamp())),
        "webhook-signature": " ".join(signatures),
    }
