from typing import Any, ClassVar, Final, cast

from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.fields import JsonObject, Text, WholeNumber
from accounts.api.strict import StrictSerializer
from accounts.api.views import APIView
from accounts.models import User
from accounts.permissions import IsWorker
from jobs import conf, language_rights
from jobs.api.parameters import refuse_unread
from jobs.api.worker.fields import LockSeconds, WorkerId
from jobs.api.worker.waiting import begin, errand_of
from jobs.functions import LANGUAGE, TITLE
from jobs.languages import PYTHON
from jobs.remote.claiming import Claimed, Wish, claim
from jobs.remote.holding import holder
from jobs.tracing import lawful

MOST_JOBS: Final = 100
MOST_LANGUAGES: Final = 20
MOST_TYPES: Final = 100


_WAITING: Final = (
    OpenApiParameter(
        "wait",
        {"type": "integer", "minimum": 0},
        description="Answer when there is work, at the latest after so many seconds; 30 is the most.",
    ),
    OpenApiParameter("Prefer", str, OpenApiParameter.HEADER, description="`wait=N` does the same, as RFC 7240 has it."),
)


@extend_schema_field({"type": "string", "pattern": f"^{LANGUAGE.pattern}$", "not": {"const": PYTHON}})
class ForeignLanguage(Text):
    """A language that is not Python."""

    def to_internal_value(self, data: Any) -> str:
        language = super().to_internal_value(data)
        if not LANGUAGE.fullmatch(language):
            raise serializers.ValidationError("Must be the name of a language, such as node.", "invalid")
        return _foreign(language)


@extend_schema_field(
    {"type": "string", "pattern": f"^{LANGUAGE.pattern}-{TITLE.pattern}$", "not": {"pattern": f"^{PYTHON}-"}}
)
class ForeignType(Text):
    """The language_title of a function that is not in Python."""

    def to_internal_value(self, data: Any) -> str:
        name = super().to_internal_value(data)
        # Titles may have hyphens, languages have none.
        language, _, title = name.partition("-")
        if not (LANGUAGE.fullmatch(language) and TITLE.fullmatch(title)):
            raise serializers.ValidationError("Must be a language_title, such as node-thumbnail.", "invalid")
        _foreign(language)
        return name


class ClaimSerializer(StrictSerializer):
    """What a worker wants. With `types` it gets jobs of these functions only, else all of its languages."""

    schema_rules: ClassVar = {"anyOf": [{"required": ["languages"]}, {"required": ["types"]}]}

    worker_id = WorkerId()
    languages = serializers.ListField(
        child=ForeignLanguage(), required=False, min_length=1, max_length=MOST_LANGUAGES, help_text="Such as `node`."
    )
    types = serializers.ListField(
        child=ForeignType(),
        required=False,
        min_length=1,
        max_length=MOST_TYPES,
        help_text="Such as `node-thumbnail`.",
    )
    batch = WholeNumber(default=1, min_value=1, max_value=MOST_JOBS, help_text="So many jobs at most.")
    lock_seconds = LockSeconds(required=False, help_text="Without it, what the server has as its usual.")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if "languages" not in attrs and "types" not in attrs:
            raise serializers.ValidationError("Give languages, types or both.", "empty")
        return attrs


class ClaimedSerializer(serializers.Serializer[Any]):
    job_id = serializers.UUIDField()
    job_type = serializers.CharField()
    language_title = serializers.CharField(help_text="The function to run.")
    payload = JsonObject(help_text="Its parameters; they fit its schema.")
    lock_token = serializers.IntegerField(help_text="Send it with everything you say of this job.")
    attempt = serializers.IntegerField(help_text="The number of this attempt, from 1.")
    max_retries = serializers.IntegerField()
    timeout = serializers.FloatField(allow_null=True, help_text="Seconds that the attempt may run.")
    expires_at = serializers.DateTimeField(help_text="When the lock ends, by the server's clock.")
    session = serializers.CharField(allow_null=True, help_text="The session that it executes.")
    traceparent = serializers.CharField(
        allow_null=True, help_text="The W3C trace context to go on with, where traces are made."
    )


class ClaimedJobsSerializer(serializers.Serializer[Any]):
    jobs = ClaimedSerializer(many=True)


class ClaimView(APIView):
    permission_classes = (IsWorker,)

    @extend_schema(
        operation_id="worker_claim",
        tags=["worker"],
        parameters=list(_WAITING),
        request=ClaimSerializer,
        responses=ClaimedJobsSerializer,
    )
    def post(self, request: Request) -> Response:
        """Get jobs to do, or wait up to 30 seconds until there are some; the answer may be an empty list then.

        They are yours until their locks end. Python's jobs are not to be had here.
        """
        errand = errand_of(request) or begin(request, _wish(request))
        errand.found = claim(errand.wish)
        return Response({"jobs": [_show(claimed) for claimed in errand.found]})


def _wish(request: Request) -> Wish:
    refuse_unread(request, {"wait"})
    body = ClaimSerializer(data=request.data)
    body.is_valid(raise_exception=True)
    data: dict[str, Any] = body.validated_data
    types: list[str] | None = data.get("types")
    languages = data.get("languages") or [name.partition("-")[0] for name in types or ()]
    user = cast(User, request.user)
    for language in languages:
        language_rights.check(user, language)
    return Wish(
        holder=holder(user.user_id, data["worker_id"]),
        languages=tuple(dict.fromkeys(languages)),
        job_types=None if types is None else tuple(types),
        batch=data["batch"],
        lock_seconds=data.get("lock_seconds", conf.lock_duration()),
    )


def _foreign(language: str) -> str:
    if language == PYTHON:
        raise serializers.ValidationError("Python's jobs are done by `manage.py runworker` only.", "not-foreign")
    return language


def _show(claimed: Claimed) -> dict[str, Any]:
    attempt = claimed.attempt
    shown = {
        "job_id": attempt.id,
        "job_type": attempt.job_type,
        # The two are the same for every language but Python.
        "language_title": attempt.job_type,
        "payload": claimed.payload,
        "lock_token": attempt.lock_token,
        "attempt": attempt.number,
        "max_retries": attempt.max_retries,
        "timeout": attempt.timeout,
        "expires_at": claimed.expires_at,
        "session": claimed.session,
        "traceparent": lawful(claimed.traceparent),
    }
    return dict(ClaimedSerializer(shown).data)
