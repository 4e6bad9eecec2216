from tests.analytics.api.conftest import hours_are_kept, nothing, trace

__all__ = ["hours_are_kept", "nothing", "trace"]
