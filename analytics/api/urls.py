from django.urls import path

from analytics import metrics
from analytics.api.cache import CacheView
from analytics.api.errors import ErrorsView
from analytics.api.performance import PerformanceView
from analytics.api.request_logs import RequestLogViewSet
from analytics.api.timeseries import TimeseriesView
from analytics.api.usage import UsageView
from jobs.api.metrics import registry

# Only who serves /metrics has use for it.
registry.register(metrics.collector)

urlpatterns = [
    path("analytics/usage", UsageView.as_view(), name="analytics-usage"),
    path("analytics/performance", PerformanceView.as_view(), name="analytics-performance"),
    path("analytics/errors", ErrorsView.as_view(), name="analytics-errors"),
    path("analytics/cache", CacheView.as_view(), name="analytics-cache"),
    path("analytics/timeseries", TimeseriesView.as_view(), name="analytics-timeseries"),
    path("request-logs", RequestLogViewSet.as_view({"get": "list"}), name="request-logs"),
    path("request-logs/<uuid:pk>", RequestLogViewSet.as_view({"get": "retrieve"}), name="request-log"),
]
