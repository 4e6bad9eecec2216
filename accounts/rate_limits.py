"""At most so many requests in any 60 seconds, whatever the number of web processes and wherever a minute begins.

Users may go above their limit in a burst, which they earn by having used less than it before.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from datetime import timedelta
from importlib.resources import files
from math import ceil
from typing import TYPE_CHECKING, Final

from django.conf import settings
from django.db import connection
from django.db.models.functions import Now
from django.http import HttpRequest
from rest_framework.request import Request
from rest_framework.settings import api_settings
from rest_framework.throttling import BaseThrottle

from accounts.models import RateLimitWindow, User
from accounts.redis_link import RedisAway, redis_link

if TYPE_CHECKING:
    # At run time it would be a circle: the views import the throttles that the settings name.
    from rest_framework.views import APIView

FAILED_LOGINS_PER_MINUTE: Final = 30

#: A window that nobody has touched for this long says nothing any more.
WINDOW_LIFE: Final = timedelta(minutes=10)

_SPEND: Final = "SELECT accepted, remaining, reset_after FROM spend_rate_limit(%s, %s, %s)"
_SPEND_IN_REDIS: Final = (files("accounts") / "lua" / "spend_rate_limit.lua").read_text(encoding="utf-8")


@dataclass(frozen=True, slots=True)
class Decision:
    accepted: bool
    limit: int
    #: What may come above the limit in one burst.
    burst: int
    remaining: int
    #: Whole seconds until the next request becomes possible again, or until the oldest one stops counting.
    reset_after: int

    def headers(self) -> dict[str, str]:
        """Say it in the headers of the IETF draft (RateLimit header fields for HTTP).

        The quota is what 60 seconds can hold at most. Ours alone is the parameter that says what they hold on average.
        """
        average = f";ekiden-average={self.limit}" if self.burst else ""
        return {
            "RateLimit-Policy": f'"per-minute";q={self.limit + self.burst};w=60{average}',
            "RateLimit": f'"per-minute";r={self.remaining};t={self.reset_after}',
        }


def spend(key: str, limit: int, burst: int = 0) -> Decision:
    """Use up one request of the key's allowance, unless there is none left.

    It is kept in Redis where there is one. While that is away the database keeps another, which begins full.
    """
    accepted, remaining, reset_after = _spend_in_redis(key, limit, burst) or _spend_in_database(key, limit, burst)
    return Decision(accepted, limit, burst, remaining, max(1, ceil(reset_after)))


def _spend_in_redis(key: str, limit: int, burst: int) -> tuple[bool, int, float] | None:
    link = redis_link()
    if link is None:
        return None
    try:
        accepted, remaining, reset_after = link.run(
            "rate limits", _SPEND_IN_REDIS, [f"{link.prefix}:rate:{key}"], [limit, burst]
        )
    except RedisAway:
        return None
    return bool(accepted), int(remaining), float(reset_after)


def _spend_in_database(key: str, limit: int, burst: int) -> tuple[bool, int, float]:
    with connection.cursor() as cursor:
        cursor.execute(_SPEND, [key, limit, burst])
        accepted, remaining, reset_after = cursor.fetchone()
    return accepted, remaining, reset_after


def left(user: User) -> int | None:
    """Say how many requests the user could send at once now, and spend none; None where Redis counts them."""
    if redis_link() is not None:
        return None
    most, burst = user.rate_limit_per_minute + burst_size(), burst_size()
    window = RateLimitWindow.objects.annotate(present=Now()).filter(pk=f"user:{user.pk}").first()
    if window is None:
        return most
    passed = max(0, int(window.present.timestamp()) - window.slot)
    used = sum(window.counts[min(61, passed) :])
    debt = max(0.0, min(window.debt, most) - passed * user.rate_limit_per_minute / 60)
    return max(0, most - used if not burst else min(most - used, int(most - debt + 1e-6)))


def burst_size() -> int:
    """Give what every user may send above their limit in one burst."""
    return int(getattr(settings, "RATE_LIMIT_BURST_SIZE", 10))


def spend_failed_login(request: Request) -> Decision:
    return spend(f"failed-login:{client_network(request)}", FAILED_LOGINS_PER_MINUTE)


def prune() -> int:
    """Delete windows that have run out; return how many."""
    return RateLimitWindow.objects.filter(touched_at__lt=Now() - WINDOW_LIFE).delete()[0]


def client_network(request: HttpRequest | Request) -> str:
    """Return where the request comes from: an IPv4 address, or the /64 that one IPv6 customer has to himself."""
    ip = client_address(request)
    if ip is None:
        return "unknown"
    return str(ip) if ip.version == 4 else str(ipaddress.ip_network(f"{ip}/64", strict=False))


def client_address(request: HttpRequest | Request) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """Return the address that the request comes from; None where what stands for it is no address.

    X-Forwarded-For is believed only as far as REST_FRAMEWORK["NUM_PROXIES"] says that our own proxies wrote it.
    """
    address = str(request.META.get("REMOTE_ADDR", ""))
    proxies = api_settings.NUM_PROXIES or 0
    forwarded = [part.strip() for part in str(request.META.get("HTTP_X_FORWARDED_FOR", "")).split(",")]
    if proxies and forwarded != [""]:
        address = forwarded[-min(proxies, len(forwarded))]
    try:
        return ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return None


class UserRateThrottle(BaseThrottle):
    """Hold every user to their own rate_limit_per_minute."""

    decision: Decision | None = None

    def allow_request(self, request: Request, view: APIView) -> bool:
        user = request.user
        if not isinstance(user, User):
            return True
        self.decision = spend(f"user:{user.pk}", user.rate_limit_per_minute, burst_size())
        # The middleware that writes the headers sees only Django's request, not the one around it.
        request._request.rate_limit = self.decision  # type: ignore[attr-defined]
        return self.decision.accepted

    def wait(self) -> float | None:
        return self.decision.reset_after if self.decision else None
