"""Whether this web process lives, and whether it can serve: for probes, load balancers and people."""

from django.db import DEFAULT_DB_ALIAS, Error, connections
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from config.api.problems import MEDIA_TYPE, RETRY_AFTER_SECONDS, Problem
from config.routers import LOGS

#: The databases that have them all. Only a new release adds migrations, which is a new process: one good answer holds.
_migrated: set[str] = set()


@never_cache
@require_safe
def live(request: HttpRequest) -> JsonResponse:
    """Answer that the process runs; the database is not asked."""
    return JsonResponse({"status": "ok"})


@never_cache
@require_safe
def ready(request: HttpRequest) -> JsonResponse:
    """Answer whether requests can be served: 503 while the database is away or behind.

    A database of the logs' own is told of and stops nobody: requests are served without it, unlogged.
    """
    checks = {"database": _database(DEFAULT_DB_ALIAS), "migrations": _migrations(DEFAULT_DB_ALIAS)}
    if all(state == "ok" for state in checks.values()):
        logs = {"logs_database": _database(LOGS), "logs_migrations": _migrations(LOGS)} if LOGS in connections else {}
        status = "ok" if all(state == "ok" for state in logs.values()) else "degraded"
        return JsonResponse({"status": status, "checks": checks | logs})
    problem = Problem("unavailable", "The database is away, or it lacks migrations.", members={"checks": checks})
    return JsonResponse(
        problem.body(request), status=503, content_type=MEDIA_TYPE, headers={"Retry-After": str(RETRY_AFTER_SECONDS)}
    )


def _database(alias: str) -> str:
    try:
        with connections[alias].cursor() as cursor:
            cursor.execute("SELECT 1")
    except Error:
        return "unreachable"
    return "ok"


def _migrations(alias: str) -> str:
    if alias not in _migrated:
        try:
            executor = MigrationExecutor(connections[alias])
            if executor.migration_plan(executor.loader.graph.leaf_nodes()):
                return "pending"
        except Error:
            return "unknown"
        _migrated.add(alias)
    return "ok"
