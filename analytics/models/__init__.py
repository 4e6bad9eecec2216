from analytics.models.alarm import RecorderAlarm
from analytics.models.error_log import ErrorLog
from analytics.models.metrics import CacheMetrics, CacheReading, RuntimeMetrics
from analytics.models.request_log import RequestLog
from analytics.models.rollups import ErrorDay, ErrorHour, LateHour, RollupState, UsageDay, UsageHour

__all__ = [
    "CacheMetrics",
    "CacheReading",
    "ErrorDay",
    "ErrorHour",
    "ErrorLog",
    "LateHour",
    "RecorderAlarm",
    "RequestLog",
    "RollupState",
    "RuntimeMetrics",
    "UsageDay",
    "UsageHour",
]
