from importlib.util import find_spec

from django.contrib import admin
from django.urls import include, path

urlpatterns = [
    path("admin/", admin.site.urls),
]

for module in ("accounts.api.urls", "jobs.api.urls"):
    if find_spec(module.rpartition(".")[0]) is not None and find_spec(module) is not None:
        urlpatterns.append(path("api/v1/", include(module)))
