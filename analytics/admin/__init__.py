"""The request log in the operators' console."""

from analytics.admin import error_log, request_log

__all__ = ["error_log", "request_log"]
