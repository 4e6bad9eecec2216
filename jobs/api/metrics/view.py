from ipaddress import ip_address
from typing import Any

from django.http import HttpResponse
from drf_spectacular.utils import extend_schema
from prometheus_client.exposition import choose_encoder
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from accounts.api.views import APIView
from accounts.permissions import IsStaff
from jobs import conf
from jobs.api.events import AcceptAnything
from jobs.api.metrics.collecting import registry


class MayScrape(BasePermission):
    """Staff with a key; anyone on this machine, or anyone at all if the settings say so."""

    def has_permission(self, request: Request, view: Any) -> bool:
        return conf.metrics_public() or _is_local(request) or IsStaff().has_permission(request, view)


class MetricsView(APIView):
    permission_classes = (MayScrape,)
    content_negotiation_class = AcceptAnything

    @extend_schema(exclude=True)
    def get(self, request: Request) -> HttpResponse:
        """Give the figures in the format of Prometheus, or in OpenMetrics if that is accepted."""
        encode, content_type = choose_encoder(request.headers.get("Accept", ""))
        return HttpResponse(encode(registry), content_type=content_type)


def _is_local(request: Request) -> bool:
    # Behind a proxy on this machine everybody seems to be local: then only a key or the setting lets in.
    if request.headers.get("X-Forwarded-For") or request.headers.get("Forwarded"):
        return False
    try:
        return ip_address(str(request.META.get("REMOTE_ADDR", ""))).is_loopback
    except ValueError:
        return False
