from django.contrib.auth.decorators import login_required
from django.urls import path
from drf_spectacular.views import SpectacularJSONAPIView, SpectacularSwaggerView
from rest_framework.permissions import IsAuthenticated

from accounts.api.views import APIView
from accounts.authentication import StaffSessionAuthentication
from config.api import (
    openapi,  # noqa: F401 (registers what it adds to the schema)
    problem_pages,
)


class SchemaView(APIView, SpectacularJSONAPIView):
    """The description lists every address of the installation, so it is for those who may use it."""

    permission_classes = (IsAuthenticated,)


class DocsView(APIView, SpectacularSwaggerView):
    """A page to read the description on, and to try it."""

    url_name = "schema"
    authentication_classes = (StaffSessionAuthentication,)
    permission_classes = ()


urlpatterns = [
    path("api/openapi.json", SchemaView.as_view(), name="schema"),
    path("api/docs/", login_required(DocsView.as_view()), name="docs"),
    path("problems/", problem_pages.index, name="problems"),
    path("problems/<slug:code>", problem_pages.page, name="problem"),
]
