from tests.analytics.api.conftest import trace

__all__ = ["trace"]
