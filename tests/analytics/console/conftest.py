from tests.analytics.api.conftest import hours_are_kept, trace

__all__ = ["hours_are_kept", "trace"]
