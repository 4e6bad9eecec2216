"""What schemathesis cannot read in the description of the API."""

from datetime import UTC, datetime, timedelta
from typing import Any

import schemathesis
from hypothesis import strategies
from schemathesis import Case, HookContext

from accounts.api.fields import read_moment
from tests.contracts.fuzz.agreement import let_agree
from tests.contracts.fuzz.queries import let_be_a_query

#: The user whose key the fuzzer sends.
FUZZER = "fuzzer"
#: Where an id could stand, and to which schemathesis makes links of its own.
NOT_IDS = ("bulk", "groups", "preview", "search")
NOBODYS_ID = "00000000-0000-7000-8000-000000000000"
#: A function of another language that takes anything.
FOREIGN = "node-anything"
#: Parameters that the shipped functions take.
PARAMS = {
    "python-extract_content": {"html": "<p>Ekiden is a relay race.</p>"},
    "python-summarize": {"content": "Ekiden is a relay race."},
    "python-validate_summary": {"summary": "A race.", "source": "Ekiden is a relay race."},
}
NOW = datetime.now(UTC).replace(microsecond=0, tzinfo=None)

# A schedule's horizon is one year from now.
HORIZON = NOW + timedelta(days=364)
moments = strategies.datetimes(NOW - timedelta(days=20_000), HORIZON)
schemathesis.openapi.format("date-time", moments.map(lambda moment: f"{moment.isoformat()}Z"))


@schemathesis.hook
def before_load_schema(context: HookContext, raw_schema: dict[str, Any]) -> None:
    """Leave out what only an earlier answer or request can make right: cursors, and keys of requests sent again."""
    for operations in raw_schema["paths"].values():
        for operation in operations.values():
            parameters = operation.get("parameters", [])
            operation["parameters"] = [each for each in parameters if each["name"] not in ("cursor", "Idempotency-Key")]


@schemathesis.hook
def filter_body(context: HookContext, body: Any) -> bool:
    """Leave out numbers that PostgreSQL gives back as very long integers, which no schema of free-form JSON can say."""
    if isinstance(body, float):
        return abs(body) < 1e300
    if isinstance(body, dict | list):
        return all(filter_body(context, inner) for inner in (body.values() if isinstance(body, dict) else body))
    return True


def _means_well(case: Case) -> bool:
    return bool(case.meta and case.meta.generation.mode.is_positive)


def _ask_for_what_it_wants(case: Case) -> None:
    """Call functions with their own parameters: what these are stands in the catalogue, not in the description."""
    name = case.path_parameters["language_title"]
    if name in PARAMS and isinstance(case.body, dict):
        case.body["params"] = PARAMS[name]
    else:
        _let_it_take_anything(case.path_parameters, "language_title")


def _let_it_take_anything(where: dict[str, Any], key: str) -> None:
    if str(where.get(key)).startswith("python-"):
        where[key] = FOREIGN


def _name_the_foreign_one(body: Any) -> None:
    """Let well-formed names of functions in other languages be the one that there is."""
    for item in (body, *(body.get("items") or ())) if isinstance(body, dict) else ():
        if isinstance(item, dict) and "-" in str(item.get("type")):
            item["type"] = FOREIGN
        # Which types there are to do many of stands in the catalogue.
        if isinstance(item, dict) and item.get("type") == "batch_process" and isinstance(item.get("payload"), dict):
            item["payload"] = {"job_type": "summarize", "payloads": [{"content": "Ekiden is a relay race."}]}


def _change_what_may_be_changed(case: Case) -> None:
    """Of Python's functions only one field; and what is switched off would refuse all that others ask of it."""
    case.path_parameters["language_title"] = case.path_parameters["language_title"].replace("python-", "node-")
    if isinstance(case.body, dict) and "is_active" in case.body:
        case.body["is_active"] = True


def _mean_a_time(case: Case) -> None:
    """Let intervals be ones that come: which expressions and names of time zones there are, no schema can say.

    Of a change, leave out what has to fit what is not changed.
    """
    interval = case.body.get("schedule_interval")
    if isinstance(interval, dict) and interval.get("type") == "cron":
        interval |= {"expression": "*/5 * * * *", "timezone": "Asia/Tokyo"}
    case.body |= dict.fromkeys(case.body.keys() & {"starts_at", "ends_at"})
    if case.method == "PATCH":
        case.body = {name: case.body[name] for name in case.body.keys() - {"type", "payload", "queue"}}
        case.body = case.body or {"priority": 5}


def _stay_in_its_queue(case: Case) -> None:
    """Of a change of a job leave out the queue: which it may move to depends on the language of its type."""
    if case.method == "PATCH" and case.path.startswith("/api/v1/jobs/") and isinstance(case.body, dict):
        case.body = {name: value for name, value in case.body.items() if name != "queue"} or {"priority": 5}


def _stay_within_the_horizon(body: Any) -> None:
    """Bring near what was taken from an earlier answer or made up of its description's own examples."""
    for job in (body, *(body.get("items") or ())) if isinstance(body, dict) else ():
        moment = read_moment(job.get("scheduled_at")) if isinstance(job, dict) else None
        if moment is not None and moment.replace(tzinfo=None) > HORIZON:
            job["scheduled_at"] = f"{HORIZON.isoformat()}Z"


def _depend_on_what_is_there(body: Any) -> None:
    """Leave out jobs that nobody has submitted, and jobs inside of jobs, which the description leaves open."""
    jobs = [body, *(body.get("items") or ()), *(body.get("jobs") or ())] if isinstance(body, dict) else []
    for job in jobs:
        if isinstance(job, dict):
            for name in ("depends_on", "parent_id", "on_failure"):
                job.pop(name, None)


def _belong_together(body: Any) -> None:
    """Let a batch hold jobs, and a workflow steps that follow each other."""
    if not isinstance(body, dict):
        return
    if "jobs" in body:
        body["jobs"] = [{"type": FOREIGN} for _ in body["jobs"]]
    if "steps" in body:
        body["steps"] = {"a": {"type": FOREIGN}, "b": {"type": FOREIGN, "depends_on": ["a"]}}
    for name in ("on_completed", "on_ended"):
        if name in body:
            body[name] = {"type": FOREIGN}


def _listen_somewhere(body: dict[str, Any]) -> None:
    """Let webhooks go where they may: of a change, leave out what has to fit what is not changed."""
    if "url" in body:
        body["url"] = "https://hooks.example.org/ekiden"
    if "events" in body:
        body["events"] = [event for event in body["events"] if not event.startswith("queue.")] or ["job.failed"]


def _lie_where_it_may(path: str, body: dict[str, Any]) -> None:
    """Let pauses end ahead, and what is made up for or emptied lie behind; a range is no longer than an hour."""
    if path.endswith("/pause") and body.get("resume_at"):
        body["resume_at"] = f"{(NOW + timedelta(hours=2)).isoformat()}Z"
    if path.endswith("/purge") and "before" in body:
        body["before"] = f"{(NOW - timedelta(hours=2)).isoformat()}Z"
    if path.endswith("/backfill"):
        body |= {"since": "2026-03-01T00:00:00Z", "until": "2026-03-01T00:05:00Z"}


def _let_it_mean_something(case: Case) -> None:
    """Make of a request that the description allows one that the domain allows as well."""
    path = case.operation.path
    _stay_within_the_horizon(case.body)
    if "/analytics/" in path and case.query:
        let_agree(case.query)
    if path.endswith("/jobs/search") and case.query:
        let_be_a_query(case.query)
    if path.endswith("/invoke"):
        _ask_for_what_it_wants(case)
    if path.endswith(("/jobs", "/jobs/bulk", "/schedules")):
        _name_the_foreign_one(case.body)
        _depend_on_what_is_there(case.body)
    if path.endswith(("/batches", "/workflows")):
        _belong_together(case.body)
    if path.endswith("/functions/{language_title}") and case.method == "PATCH":
        _change_what_may_be_changed(case)
    if isinstance(case.body, dict):
        _let_its_fields_mean_something(case, path, case.body)


def _let_its_fields_mean_something(case: Case, path: str, body: dict[str, Any]) -> None:
    _lie_where_it_may(path, body)
    if "/webhook-endpoints" in path:
        _listen_somewhere(body)
    if path.endswith("/bulk-operations"):
        selector = body.get("selector")
        let_be_a_query((selector.get("filter") if isinstance(selector, dict) else None) or {})
    if path.endswith("/sessions"):
        # What a context and later parameters may hold, their function's schema says, in the catalogue.
        body.pop("context", None)
        _let_it_take_anything(body, "language_title")
    if path.endswith("/articles") and "url" in body:
        # Which hosts and ports are fetched from, no schema can say.
        body["url"] = "https://example.org/ekiden.html"
    if "/schedules" in path:
        _mean_a_time(case)


@schemathesis.hook
def before_call(context: HookContext, case: Case, kwargs: dict[str, Any]) -> None:
    """Do not let the fuzzer take its own key away, nor take another operation's address for that of a job.

    Keys and sessions end ahead of now, which no schema can say of a moment.
    """
    if isinstance(case.body, dict) and read_moment(case.body.get("expires_at")):
        case.body["expires_at"] = f"{(NOW + timedelta(hours=2)).isoformat()}Z"
    if _means_well(case):
        _let_it_mean_something(case)
        _stay_in_its_queue(case)
    for name, value in (case.path_parameters or {}).items():
        if value in NOT_IDS:
            case.path_parameters[name] = NOBODYS_ID
    if case.path_parameters and case.path_parameters.get("user_id") == FUZZER:
        case.path_parameters["user_id"] = "nobody"
