"""Pages of the console that belong to no table. They stand among those of the admin, in front of its own addresses.

Not in the admin's namespace: its pages run in one transaction each, and the doctor needs several that can only read.
"""

from django.urls import path

from jobs.admin import health

app_name = "console"
urlpatterns = [
    path("health/", health.page_view, name="health"),
    path("health/look/", health.look_view, name="health-look"),
    path("health/diagnostics.txt", health.download_view, name="health-diagnostics"),
]
