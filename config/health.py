"""Whether this web process lives, and whether it can serve: for probes, load balancers and people."""

from django.db import DEFAULT_DB_ALIAS, Error, connections
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from config.api.problems import MEDIA_TYPE, RETRY_AFTER_SECONDS, Problem

#: Migrations are only ever added by a new release, which is a new process: one good answer holds.
_migrated = False


@never_cache
@require_safe
def live(request: HttpRequest) -> JsonResponse:
    """Answer that the process runs; the database is not asked."""
    return JsonResponse({"status": "ok"})


@never_cache
@require_safe
def ready(request: HttpRequest) -> JsonResponse:
    """Answer whether requests can be served: 503 while the database is away or behind."""
    checks = {"database": _database(), "migrations": _migrations()}
    if all(state == "ok" for state in checks.values()):
        return JsonResponse({"status": "ok", "checks": checks})
    problem = Problem("unavailable", "The database is away, or it lacks migrations.", members={"checks": checks})
    return JsonResponse(
        problem.body(request), status=503, content_type=MEDIA_TYPE, headers={"Retry-After": str(RETRY_AFTER_SECONDS)}
    )


def _database() -> str:
    try:
        with connections[DEFAULT_DB_ALIAS].cursor() as cursor:
            cursor.execute("SELECT 1")
    except Error:
        return "unreachable"
    return "ok"


def _migrations() -> str:
    global _migrated
    if not _migrated:
        try:
            executor = MigrationExecutor(connections[DEFAULT_DB_ALIAS])
            _migrated = not executor.migration_plan(executor.loader.graph.leaf_nodes())
        except Error:
            return "unknown"
    return "ok" if _migrated else "pending"
