"""What a batch_process may be asked for: its schema, and what a schema cannot say."""

from datetime import datetime
from typing import Any, Final

from jobs.exceptions import Violation
from jobs.models import Article
from jobs.registry import JobType, registry
from jobs.schemas import Schema

NAME: Final = "batch_process"
MOST_PAYLOADS: Final = 10_000
MOST_ARTICLES: Final = 20_000
MOST_AT_ONCE: Final = 32
MOST_RETRIES: Final = 10
_MOST_TOLD: Final = 20
_ANY_ID: Final = "019a9f3e-7c00-7000-8000-000000000000"

_STAGES: Final = [stage.value for stage in Article.Stage]

SCHEMA: Final[Schema] = {
    "type": "object",
    "properties": {
        "job_type": {"type": "string", "minLength": 1, "maxLength": 100, "description": "What each payload is for."},
        "payloads": {"type": "array", "items": {"type": "object"}, "minItems": 1, "maxItems": MOST_PAYLOADS},
        "articles": {
            "type": "object",
            "description": "Instead of payloads: the owner's articles that are like this, as article_id; {} is all.",
            "properties": {
                "stage": {"enum": _STAGES},
                "language": {"type": "string", "pattern": "^[a-z]{2,3}$"},
                "created_after": {"type": "string", "format": "date-time", "maxLength": 40},
            },
            "additionalProperties": False,
        },
        "common": {"type": "object", "description": "What all payloads have, unless they say otherwise."},
        "concurrency": {"type": "integer", "minimum": 1, "maximum": MOST_AT_ONCE, "default": 4},
        "retries": {"type": "integer", "minimum": 0, "maximum": MOST_RETRIES, "description": "Of each payload."},
        "stop_after_failures": {"type": "integer", "minimum": 1, "description": "Begin no other payload then."},
        "fail_on_error": {"type": "boolean", "default": False, "description": "End as a dead letter if any failed."},
        "results": {"type": "boolean", "default": False, "description": "Give what came of each payload, too."},
    },
    "required": ["job_type"],
    "additionalProperties": False,
    "oneOf": [{"required": ["payloads"]}, {"required": ["articles"]}],
}


def check(asked: dict[str, Any]) -> list[Violation]:
    """Find what is wrong with the job type or with single payloads, each by its pointer, up to twenty of them."""
    if refusal := _refusal(asked["job_type"]):
        return [refusal]
    job_type, common = registry.get(asked["job_type"]), asked.get("common", {})
    if "payloads" not in asked:
        return [*_wrong_moment(asked["articles"]), *_unfit_for_articles(job_type, common)]
    found: list[Violation] = []
    for place, payload in enumerate(asked["payloads"]):
        wrong = job_type.validator.violations({**common, **payload})
        found += [Violation(f"/payloads/{place}{each.pointer}", each.code, each.detail) for each in wrong]
        if len(found) >= _MOST_TOLD:
            break
    return found[:_MOST_TOLD]


def _refusal(name: str) -> Violation | None:
    if name == NAME:
        return Violation("/job_type", "nested", "must not be batch_process itself")
    if name not in registry or registry.get(name).internal:
        return Violation("/job_type", "unknown-job-type", "must be the job type of a handler of this installation")
    job_type = registry.get(name)
    if job_type.isolation == "process" or job_type.atomic:
        how = "in a process of its own" if job_type.isolation == "process" else "in one transaction with its outcome"
        return Violation("/job_type", "not-batchable", f"must not be run {how}: submit its jobs as a batch instead")
    return None


def _unfit_for_articles(job_type: JobType, common: dict[str, Any]) -> list[Violation]:
    if "article_id" not in job_type.schema.get("properties", {}) and not job_type.schema.get(
        "additionalProperties", True
    ):
        return [Violation("/articles", "no-articles", f"cannot be given: {job_type.name} takes no article_id")]
    wrong = job_type.validator.violations({**common, "article_id": _ANY_ID})
    return [Violation(f"/common{each.pointer}", each.code, each.detail) for each in wrong]


def _wrong_moment(wanted: dict[str, Any]) -> list[Violation]:
    try:
        known = datetime.fromisoformat(wanted.get("created_after", "2000-01-01T00:00:00Z")).tzinfo is not None
    except ValueError:
        known = False
    return [] if known else [Violation("/articles/created_after", "format", "must be a moment with its time zone")]
