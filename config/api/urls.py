from django.contrib.auth.decorators import login_required
from django.urls import path
from drf_spectacular.views import SpectacularJSONAPIView, SpectacularSwaggerView
from rest_framework.permissions import IsAuthenticated

from accounts.authentication import StaffSessionAuthentication
from config.api import (
    openapi,  # noqa: F401 (registers what it adds to the schema)
    problem_pages,
)

# The description lists every address of the installation, so it is for those who may use it.
schema = SpectacularJSONAPIView.as_view(permission_classes=(IsAuthenticated,))
docs = SpectacularSwaggerView.as_view(
    url_name="schema", authentication_classes=(StaffSessionAuthentication,), permission_classes=()
)

urlpatterns = [
    path("api/openapi.json", schema, name="schema"),
    path("api/docs/", login_required(docs), name="docs"),
    path("problems/", problem_pages.index, name="problems"),
    path("problems/<slug:code>", problem_pages.page, name="problem"),
]
