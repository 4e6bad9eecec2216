from typing import Any

from django.core.checks import CheckMessage, Error, Tags, register

from jobs.articles.fetching import loopback_allowed


@register(Tags.security, deploy=True)
def check_private_hosts(**kwargs: Any) -> list[CheckMessage]:
    """Fetching from this very machine is for tests; elsewhere it opens every local service to whoever submits URLs."""
    if not loopback_allowed():
        return []
    return [
        Error(
            "ARTICLES_ALLOW_PRIVATE_HOSTS lets submitted URLs reach services on this machine.",
            hint="Leave it off outside of tests.",
            id="jobs.E010",
        )
    ]
