"""What each role is for and may do. README of it all: docs/security.md."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

APP: Final = "ekiden_app"
OPERATOR: Final = "ekiden_operator"
WORKER: Final = "ekiden_worker"
READONLY: Final = "ekiden_readonly"
BACKUP: Final = "ekiden_backup"
ADMIN: Final = "ekiden_admin"

SCHEMAS: Final = ("public", "meta", "analytics")

#: From the role and not only from the database, because a dump that is restored elsewhere has lost the latter.
_PATH: Final = {"search_path": "public, meta, analytics"}


@dataclass(frozen=True, slots=True)
class DatabaseRole:
    name: str
    login: bool = True
    #: Attributes beyond LOGIN. What we may not give is told and left out.
    attributes: frozenset[str] = frozenset()
    #: For its sessions in our databases. PgBouncer hands no such settings over, so they stand with the role.
    settings: Mapping[str, str] = field(default_factory=dict)


ROLES: Final = (
    # Before the role that becomes it.
    DatabaseRole(OPERATOR, login=False),
    DatabaseRole(
        APP,
        # Its rights as ekiden_operator are taken on by act_as() alone and never simply there.
        attributes=frozenset({"NOINHERIT"}),
        settings={
            **_PATH,
            "statement_timeout": "60s",
            "lock_timeout": "15s",
            "idle_in_transaction_session_timeout": "60s",
        },
    ),
    DatabaseRole(WORKER, settings={**_PATH, "idle_in_transaction_session_timeout": "10min"}),
    DatabaseRole(
        READONLY,
        settings={
            **_PATH,
            "default_transaction_read_only": "on",
            "statement_timeout": "5min",
            "idle_in_transaction_session_timeout": "5min",
        },
    ),
    # pg_dump refuses to write a part of a table for the whole.
    DatabaseRole(BACKUP, attributes=frozenset({"BYPASSRLS"}), settings={"default_transaction_read_only": "on"}),
    DatabaseRole(ADMIN, attributes=frozenset({"CREATEROLE", "CREATEDB"}), settings=_PATH),
)

READ: Final = frozenset({"SELECT"})
ADD: Final = READ | {"INSERT"}
KEEP: Final = ADD | {"UPDATE"}
ALL: Final = KEEP | {"DELETE"}
NOTHING: Final[frozenset[str]] = frozenset()

#: On tables that are not named below.
USUAL: Final = {APP: KEEP, OPERATOR: ALL, WORKER: ALL, READONLY: READ, BACKUP: READ, ADMIN: ALL | {"TRUNCATE"}}
#: Users read what was counted; nobody counts on their behalf.
ON_ANALYTICS: Final = {**USUAL, APP: READ}
#: On views; a materialized one holds everyone's rows and has no policies.
ON_VIEWS: Final = {APP: READ, OPERATOR: READ, WORKER: READ, READONLY: READ, BACKUP: NOTHING, ADMIN: READ}
ON_MATERIALIZED_VIEWS: Final = {**ON_VIEWS, APP: NOTHING, BACKUP: READ}

_HISTORY: Final = dict.fromkeys(USUAL, READ)
_APPENDED: Final = {APP: ADD, OPERATOR: ADD, WORKER: ADD}
UNUSUAL: Final[Mapping[str, Mapping[str, frozenset[str]]]] = {
    "public.django_migrations": _HISTORY,
    "meta.schema_version": _HISTORY,
    # The readers' columns are named in SECRETS. Users are never deleted.
    "meta.users": {APP: READ, OPERATOR: KEEP, WORKER: READ, READONLY: NOTHING},
    "public.job_audit_log": _APPENDED,
    "public.job_queue": {OPERATOR: KEEP},
    # Of the workers, who tell everybody else.
    "public.job_processing_locks": {APP: READ},
    "public.job_rate_windows": {APP: READ},
    "public.job_lane_turns": {APP: READ},
    "public.job_workers": {APP: READ},
    "public.job_supervisors": {APP: READ},
    "public.job_chores": {APP: READ},
    "public.job_outcome_counters": {APP: READ},
    "public.ai_providers": {APP: READ},
    "public.ai_calls": {APP: READ},
    "public.ai_call_slots": {APP: READ},
    "public.ai_daily_spend": {APP: READ},
    "public.ai_provider_days": {APP: READ},
    "public.job_wait_counters": {APP: READ},
    "public.job_queue_minutes": {APP: READ},
    "public.job_queue_totals": {APP: NOTHING},
    # Of staff, who act as operators.
    "public.job_bulk_operations": {APP: NOTHING},
    "public.job_bulk_items": {APP: NOTHING},
    "public.job_bulk_chunks": {APP: NOTHING},
    # Workers write down what is logged.
    "public.job_log_lines": {APP: READ},
    # Users keep their own endpoints, and have deliveries sent again; what messages are signed with is for no reader.
    "public.job_webhook_endpoints": {APP: ALL, READONLY: NOTHING},
    "public.job_webhook_deliveries": {APP: ALL},
    # Triggers write it, whoever works.
    "public.job_webhook_events": {APP: NOTHING},
    "public.job_search_indexes": {APP: READ},
    "public.job_search_slots": {APP: NOTHING},
    "public.job_search_tombstones": {APP: NOTHING},
    "public.job_search_rejections": {APP: NOTHING},
    # Triggers count on behalf of whoever works.
    "public.job_event_counts": {APP: ADD},
    # Workers make podcasts and delete files; who owns a podcast may have done with it.
    "public.article_podcasts": {APP: READ | {"DELETE"}},
    "public.loose_files": {APP: NOTHING},
    "public.request_logs": {OPERATOR: KEEP},
    "public.error_logs": {OPERATOR: KEEP},
    "public.idempotent_requests": {APP: ALL, WORKER: READ | {"DELETE"}, READONLY: NOTHING},
    "public.django_session": {APP: ALL, WORKER: NOTHING, READONLY: NOTHING},
    # Of logins, before anybody is known; and what they are checked against.
    "public.login_locks": {APP: NOTHING, READONLY: NOTHING},
    "public.otp_totp_totpdevice": {APP: NOTHING, WORKER: NOTHING, READONLY: NOTHING},
    "public.otp_static_staticdevice": {APP: NOTHING, WORKER: NOTHING, READONLY: NOTHING},
    "public.otp_static_statictoken": {APP: NOTHING, WORKER: NOTHING, READONLY: NOTHING},
    # Of whom the terms are is looked at by the functions below, not by policies.
    "public.article_vectors": {APP: NOTHING, OPERATOR: READ, READONLY: NOTHING},
    "public.article_terms": {APP: NOTHING, OPERATOR: READ, READONLY: NOTHING},
    # The results that functions keep for a while.
    "public.cached_values": {APP: ALL},
}

#: Columns that readers of the other columns do not see.
SECRETS: Final = {
    "meta.users": frozenset({"password", "api_key_hash", "retired_api_key_hash"}),
    "public.job_webhook_endpoints": frozenset({"secret", "previous_secret"}),
}

#: Who may call what acts with its owner's rights; a function that is not named is for workers.
DEFINERS: Final = {
    "find_key_owner": (APP, OPERATOR),
    # For workers in other languages, whom the web serves.
    "release_waiting_jobs": (OPERATOR, WORKER),
    # They look for themselves whose the articles are.
    "articles_with_terms": (APP, OPERATOR, WORKER),
    "nearest_articles": (APP, OPERATOR, WORKER),
    # A month that nobody has made is made by whoever logs into it.
    "create_log_partitions": (APP, OPERATOR, WORKER),
}
DEFINERS_ELSE: Final = (WORKER,)

#: What comes after ON <table>, for tables with row security that are not named below.
POLICIES: Final = {
    "operator_all": f"TO {OPERATOR} USING (true)",
    "worker_all": f"TO {WORKER} USING (true)",
    "readonly_view": f"FOR SELECT TO {READONLY} USING (true)",
    "admin_all": f"TO {ADMIN} USING (true)",
}
_SYSTEM: Final = "(SELECT NULLIF(current_setting('app.current_role', true), '')) = 'system'"
OTHER_POLICIES: Final = {
    # Operators read who is who; only admins, by a policy of the table's own, and the system change it.
    "meta.users": {
        "operator_view": f"FOR SELECT TO {OPERATOR} USING (true)",
        "system_all": f"TO {OPERATOR} USING ({_SYSTEM})",
        "worker_view": f"FOR SELECT TO {WORKER} USING (true)",
        "readonly_view": POLICIES["readonly_view"],
        "admin_role_all": POLICIES["admin_all"],
    },
}
