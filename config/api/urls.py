from typing import Any, Final

from django.contrib.auth.decorators import login_required
from django.urls import path
from drf_spectacular.views import SpectacularJSONAPIView, SpectacularSwaggerSplitView
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.views import APIView
from accounts.authentication import StaffSessionAuthentication
from config.api import (
    openapi,  # noqa: F401 (registers what it adds to the schema)
    problem_pages,
)
from config.security_headers import CSP, policy

#: Its style sheet has pictures inside.
_POLICY: Final = policy(img_src="'self' data:")


class SchemaView(APIView, SpectacularJSONAPIView):
    """The description lists every address of the installation, so it is for those who may use it."""

    permission_classes = (IsAuthenticated,)


class DocsView(APIView, SpectacularSwaggerSplitView):
    """A page to read the description on, and to try it."""

    url_name = "schema"
    authentication_classes = (StaffSessionAuthentication,)
    permission_classes = ()
    # Theirs has its style inside.
    template_name = "config/docs.html"

    def finalize_response(self, request: Request, response: Response, *args: Any, **kwargs: Any) -> Response:
        answer = super().finalize_response(request, response, *args, **kwargs)
        answer[CSP] = _POLICY
        return answer


urlpatterns = [
    path("api/openapi.json", SchemaView.as_view(), name="schema"),
    path("api/docs/", login_required(DocsView.as_view()), name="docs"),
    path("problems/", problem_pages.index, name="problems"),
    path("problems/<slug:code>", problem_pages.page, name="problem"),
]
