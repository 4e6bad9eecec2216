from importlib.util import find_spec

from django.contrib import admin
from django.urls import include, path

from config import health
from jobs.api.metrics import MetricsView

# For processes that have not done so at their start; what is known already is not looked for again.
admin.autodiscover()

urlpatterns = [
    path("admin/analytics/", include("analytics.console.urls")),
    path("admin/", include("accounts.preferences_page")),
    path("admin/", include("jobs.admin.urls")),
    path("admin/", admin.site.urls),
    path("", include("config.api.urls")),
    path("health", health.ready, name="health"),
    path("health/live", health.live, name="health-live"),
    path("health/ready", health.ready, name="health-ready"),
    path("metrics", MetricsView.as_view(), name="metrics"),
]

for module in ("accounts.api.urls", "jobs.api.urls", "analytics.api.urls"):
    if find_spec(module.rpartition(".")[0]) is not None and find_spec(module) is not None:
        urlpatterns.append(path("api/v1/", include(module)))
