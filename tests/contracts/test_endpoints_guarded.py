"""Each endpoint of what belongs to users is guarded twice: by the application's filters and by the database's rows.

Ada has one of everything; Bob asks for it. Each of the two layers has to hold with the other one taken away, and with
both gone the same questions find Ada's things: else the tests would prove nothing.
"""

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import pytest
from rest_framework.test import APIClient

from accounts.models import User
from analytics.api.request_logs import RequestLogViewSet
from analytics.models import RequestLog
from jobs import catalogue, schedules
from jobs.models import Article, Batch, Job, Podcast, Schedule, Session, WebhookDelivery, WebhookEndpoint
from jobs.models.article import ArticleQuerySet
from jobs.models.batch import BatchQuerySet
from jobs.models.job import JobQuerySet
from jobs.models.podcast import PodcastQuerySet
from jobs.models.returned import find_job
from jobs.models.schedule import ScheduleQuerySet
from jobs.models.session import SessionQuerySet
from jobs.models.webhook_endpoint import WebhookEndpointQuerySet
from jobs.registry import JobType, registry
from jobs.statuses import Status
from jobs.webhooks import endpoints
from tests.analytics.rows import Failure, Request, lay, roll_up
from tests.api_client import client_of
from tests.contracts.test_api_views import addresses, view_class
from tests.factories import UserFactory
from tests.jobs.rows import fail
from tests.jobs.speech.fixtures import media  # noqa: F401 (a fixture)
from tests.jobs.speech.podcasts import stored_podcast

pytestmark = pytest.mark.django_db

API: Final = "/api/v1/"
DAY: Final = datetime(2026, 3, 2, 12, tzinfo=UTC)
RANGE: Final = "?from=2026-03-01T00:00:00Z&to=2026-03-05T00:00:00Z"


def guarded(ctx: Any, text: str = "") -> str:
    """Give the text back."""
    return text


@dataclass
class Scene:
    ada: User
    bob: APIClient
    pending: Job
    failed: Job
    deleted: Job
    session: Session
    schedule: Schedule
    deleted_schedule: Schedule
    batch: Batch
    article: Article
    podcast: Podcast
    endpoint: WebhookEndpoint

    def __call__(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        # A body only where one may be sent: an unread one is refused.
        data = {} if method in ("get", "delete") else {"data": body or {}}
        return getattr(self.bob, method)(API + path, **data, **headers)

    def traces(self) -> dict[str, Any]:
        """Give what must stay as it is, whoever asks for what."""
        jobs = Job.objects.filter(user=self.ada).order_by("id").values_list("id", "version", "is_deleted")
        sessions = Session.objects.values_list("status", "expires_at", "execution_count")
        schedules = (
            Schedule.objects.filter(user=self.ada).order_by("id").values_list("version", "is_deleted", "last_job")
        )
        hooks = WebhookEndpoint.objects.filter(user=self.ada).values_list("version", "deliveries__state")
        article = Article.objects.values_list("version", "is_deleted").get(pk=self.article.pk)
        return {
            "jobs": list(jobs),
            "session": sessions.get(pk=self.session.pk),
            "schedules": list(schedules),
            "article": article,
            "hooks": list(hooks),
        }


#: Sends Bob's request; tells whether it came upon anything of Ada's.
Probe = Callable[[Scene], bool]


def found(scene: Scene, response: Any) -> bool:
    """Tell whether an address of Ada's gave anything else than 404."""
    assert response.status_code in (200, 201, 202, 204, 403, 404, 409), response.content
    return response.status_code != 404


def mentions(scene: Scene, response: Any) -> bool:
    assert response.status_code in (200, 201, 202), response.content
    text = response.content.decode()
    return any(
        str(each.pk) in text
        for each in (
            *(scene.pending, scene.failed, scene.session, scene.schedule, scene.batch, scene.article),
            scene.endpoint,
        )
    )


def figures(scene: Scene, response: Any) -> bool:
    """Tell whether a report holds a figure that is not nothing."""
    assert response.status_code == 200, response.content
    lines = response.content.decode().splitlines()[1:]
    return any(character in "123456789" for line in lines for character in "".join(line.split(",")[1:]))


def one(method: str, path: str, which: str, body: Any = None, **headers: str) -> Probe:
    return lambda scene: found(scene, scene(method, path.format(getattr(scene, which).pk), body, **headers))


def listened(scene: Scene) -> bool:
    response = scene("get", f"podcasts/{scene.podcast.pk}/audio")
    return bool(b"".join(response)) and found(scene, response)


def many(path: str) -> Probe:
    return lambda scene: mentions(scene, scene("get", path))


def new(path: str, body: Any) -> Probe:
    """Give the probe of a request that names what Ada's job holds already; Bob gets one of his own."""
    return lambda scene: mentions(scene, scene("post", path, body))


def report(name: str) -> Probe:
    def asked(scene: Scene) -> bool:
        calls = [Request(DAY + timedelta(minutes=n), user_id="ada", duration_ms=7, cached=n == 2) for n in range(3)]
        lay([*calls, Request(DAY, user_id="ada", status_code=500, duration_ms=7, failures=(Failure("ValueError"),))])
        roll_up(DAY + timedelta(days=2))
        return figures(scene, scene("get", f"analytics/{name}{RANGE}", HTTP_ACCEPT="text/csv"))

    return asked


def logged(path: str) -> Probe:
    def asked(scene: Scene) -> bool:
        (row,) = lay([Request(DAY, user_id="ada")])
        response = scene("get", path.format(row))
        return found(scene, response) and str(row) in response.content.decode()

    return asked


def of_delivery(method: str, act: str) -> Probe:
    def asked(scene: Scene) -> bool:
        delivery = WebhookDelivery.objects.get(endpoint=scene.endpoint)
        return found(scene, scene(method, f"webhook-endpoints/{scene.endpoint.pk}/deliveries/{delivery.pk}{act}"))

    return asked


JOB: Final = {"type": "guarded", "unique_key": "ada's"}
SCHEDULE: Final = {"name": "ada's", "type": "guarded", "schedule_interval": {"type": "timedelta", "seconds": 90}}
STEPS: Final = {"a": {"type": "guarded"}, "b": {"type": "guarded", "depends_on": ["a"]}}
OWNED: Final[dict[tuple[str, str], Probe]] = {
    ("get", "jobs"): many("jobs"),
    ("get", "jobs/search"): many("jobs/search?q=type:guarded&facets=queue"),
    ("get", "jobs/<uuid:pk>"): one("get", "jobs/{}", "pending"),
    ("patch", "jobs/<uuid:pk>"): one("patch", "jobs/{}", "pending", {"priority": 9}, HTTP_IF_MATCH='"v1"'),
    ("delete", "jobs/<uuid:pk>"): one("delete", "jobs/{}", "failed"),
    ("get", "jobs/<uuid:pk>/events"): one("get", "jobs/{}/events", "pending"),
    ("post", "jobs/<uuid:pk>/events"): one("post", "jobs/{}/events", "pending", {"name": "approved"}),
    ("get", "jobs/<uuid:pk>/tasks"): one("get", "jobs/{}/tasks", "pending"),
    ("post", "jobs/<uuid:pk>/cancel"): one("post", "jobs/{}/cancel", "pending"),
    ("post", "jobs/<uuid:pk>/retry"): one("post", "jobs/{}/retry", "failed"),
    ("post", "jobs/<uuid:pk>/restore"): one("post", "jobs/{}/restore", "deleted"),
    ("get", "jobs/<uuid:pk>/logs"): one("get", "jobs/{}/logs", "pending"),
    ("get", "jobs/<uuid:pk>/dependencies"): one("get", "jobs/{}/dependencies", "pending"),
    ("get", "batches"): many("batches"),
    ("get", "batches/<uuid:pk>"): one("get", "batches/{}", "batch"),
    ("post", "batches/<uuid:pk>/cancel"): one("post", "batches/{}/cancel", "batch"),
    ("get", "articles"): many("articles"),
    ("get", "articles/<uuid:pk>"): one("get", "articles/{}", "article"),
    ("delete", "articles/<uuid:pk>"): one("delete", "articles/{}", "article"),
    ("post", "articles/<uuid:pk>/regenerate"): one("post", "articles/{}/regenerate", "article"),
    ("get", "articles/<uuid:pk>/similar"): one("get", "articles/{}/similar", "article"),
    ("get", "articles/<uuid:pk>/summaries"): one("get", "articles/{}/summaries", "article"),
    ("get", "articles/<uuid:pk>/podcasts"): one("get", "articles/{}/podcasts", "article"),
    ("get", "podcasts/<uuid:pk>"): one("get", "podcasts/{}", "podcast"),
    ("delete", "podcasts/<uuid:pk>"): one("delete", "podcasts/{}", "podcast"),
    ("get", "podcasts/<uuid:pk>/audio"): listened,
    ("get", "sessions"): many("sessions"),
    ("get", "sessions/<str:request_id>"): one("get", "sessions/{}", "session"),
    ("patch", "sessions/<str:request_id>"): one("patch", "sessions/{}", "session", {"ttl": 60}),
    ("delete", "sessions/<str:request_id>"): one("delete", "sessions/{}", "session"),
    ("post", "sessions/<str:request_id>/execute"): one("post", "sessions/{}/execute", "session"),
    ("get", "schedules"): many("schedules"),
    ("get", "schedules/<uuid:pk>"): one("get", "schedules/{}", "schedule"),
    ("patch", "schedules/<uuid:pk>"): one("patch", "schedules/{}", "schedule", {"priority": 9}, HTTP_IF_MATCH="*"),
    ("delete", "schedules/<uuid:pk>"): one("delete", "schedules/{}", "schedule", HTTP_IF_MATCH="*"),
    ("post", "schedules/<uuid:pk>/run"): one("post", "schedules/{}/run", "schedule"),
    ("post", "schedules/<uuid:pk>/skip-next"): one("post", "schedules/{}/skip-next", "schedule"),
    ("post", "schedules/<uuid:pk>/backfill"): one(
        "post",
        "schedules/{}/backfill",
        "schedule",
        {"since": "2026-03-01T00:00:00Z", "until": "2026-03-01T00:10:00Z", "dry_run": False},
    ),
    ("post", "schedules/<uuid:pk>/restore"): one("post", "schedules/{}/restore", "deleted_schedule"),
    ("get", "schedules/<uuid:pk>/preview"): one("get", "schedules/{}/preview", "schedule"),
    ("get", "webhook-endpoints"): many("webhook-endpoints"),
    ("get", "webhook-endpoints/<uuid:pk>"): one("get", "webhook-endpoints/{}", "endpoint"),
    ("patch", "webhook-endpoints/<uuid:pk>"): one(
        "patch", "webhook-endpoints/{}", "endpoint", {"description": "bob's"}, HTTP_IF_MATCH="*"
    ),
    ("delete", "webhook-endpoints/<uuid:pk>"): one("delete", "webhook-endpoints/{}", "endpoint", HTTP_IF_MATCH="*"),
    ("post", "webhook-endpoints/<uuid:pk>/rotate-secret"): one(
        "post", "webhook-endpoints/{}/rotate-secret", "endpoint"
    ),
    ("post", "webhook-endpoints/<uuid:pk>/test"): one("post", "webhook-endpoints/{}/test", "endpoint"),
    ("post", "webhook-endpoints/<uuid:pk>/resend"): one(
        "post", "webhook-endpoints/{}/resend", "endpoint", {"since": "2026-01-01T00:00:00Z"}
    ),
    ("get", "webhook-endpoints/<uuid:pk>/deliveries"): one("get", "webhook-endpoints/{}/deliveries", "endpoint"),
    ("get", "webhook-endpoints/<uuid:pk>/deliveries/<uuid:delivery_id>"): of_delivery("get", ""),
    ("post", "webhook-endpoints/<uuid:pk>/deliveries/<uuid:delivery_id>/resend"): of_delivery("post", "/resend"),
    ("get", "request-logs"): logged("request-logs"),
    ("get", "request-logs/<uuid:pk>"): logged("request-logs/{}"),
    ("get", "analytics/usage"): report("usage"),
    ("get", "analytics/performance"): report("performance"),
    ("get", "analytics/errors"): report("errors"),
    ("get", "analytics/cache"): report("cache"),
    ("get", "analytics/timeseries"): report("timeseries"),
}
#: What they make is the caller's own, and never somebody else's that is like it: there is no filter to take away.
MAKING: Final[dict[tuple[str, str], Probe]] = {
    ("post", "jobs"): new("jobs", JOB),
    ("post", "jobs/bulk"): new("jobs/bulk", {"items": [JOB]}),
    ("post", "articles"): new("articles", {"html": "<p>Ekiden is a relay race."}),
    ("post", "batches"): new("batches", {"jobs": [{"type": "guarded"}]}),
    ("post", "workflows"): new("workflows", {"steps": STEPS}),
    ("post", "schedules"): new("schedules", SCHEDULE),
    ("post", "webhook-endpoints"): new("webhook-endpoints", {"url": "https://hooks.example.org/"}),
    ("post", "sessions"): new("sessions", {"language_title": "python-guarded"}),
    ("post", "functions/<str:language_title>/invoke"): new("functions/python-guarded/invoke", {}),
}
#: For roles that users do not have.
REFUSED: Final = {
    *((method, "^users$") for method in ("get", "post")),
    *((method, r"^users/(?P<user_id>[\w.@+:-]+)$") for method in ("get", "patch")),
    *((method, "users/<str:user_id>/keys") for method in ("post", "delete")),
    ("get", "dead-letters"),
    ("get", "dead-letters/groups"),
    *((method, "dead-letters/groups/<str:fingerprint>") for method in ("get", "patch")),
    ("get", "bulk-operations"),
    ("post", "bulk-operations"),
    ("get", "bulk-operations/<uuid:pk>"),
    ("patch", "bulk-operations/<uuid:pk>"),
    ("post", "bulk-operations/<uuid:pk>/cancel"),
    ("post", "bulk-operations/<uuid:pk>/pause"),
    ("post", "bulk-operations/<uuid:pk>/proceed"),
    ("post", "bulk-operations/<uuid:pk>/again"),
    ("get", "bulk-operations/<uuid:pk>/failures"),
    ("get", "bulk-operations/<uuid:pk>/failures.csv"),
    ("get", "bulk-operations/<uuid:pk>/failures.ndjson"),
    ("post", "dead-letters/bulk"),
    *((method, "dead-letters/<uuid:pk>") for method in ("get", "patch")),
    *(("post", f"dead-letters/<uuid:pk>/{act}") for act in ("redrive", "discard", "resolve")),
    ("get", "queues"),
    *((method, "queues/<str:name>") for method in ("get", "patch")),
    ("get", "queues/<str:name>/history"),
    *(("post", f"queues/<str:name>/{act}") for act in ("pause", "resume", "purge")),
    ("get", "workers"),
    ("get", "workers/<str:id>"),
    *(("post", f"workers/<str:id>/{act}") for act in ("drain", "quiet", "wake")),
    ("post", "functions"),
    ("patch", "functions/<str:language_title>"),
    *(("post", f"worker/{act}") for act in ("claim", "renew", "progress", "complete", "fail")),
}
#: The same for everyone, or of the caller alone.
OPEN: Final = {
    ("get", "me"),
    ("get", "jobs/search/fields"),
    ("post", "schedules/preview"),
    *(("get", route) for route in ("job-types", "job-types/<str:name>", "functions", "functions/<str:language_title>")),
}

NAMES: Final = {name: " ".join(name) for name in (*OWNED, *MAKING)}


@pytest.fixture
def scene(db: None, media: Path) -> Iterator[Scene]:  # noqa: F811
    registry.add(JobType("guarded", guarded, queue="guarded"))
    ada, bob = UserFactory(user_id="ada"), UserFactory(user_id="bob")
    mine = client_of(ada)
    pending = mine.post(f"{API}jobs", JOB).json()["job_id"]
    session = mine.post(f"{API}sessions", {"language_title": "python-guarded"}).json()["request_id"]
    deleted = Job.objects.create(job_type="guarded", user=ada, is_deleted=True)
    failed = fail(Job.objects.create(job_type="guarded", user=ada, max_retries=0), retryable=True)
    schedule, deleted_schedule = (
        schedules.create(ada, name=name, job_type="guarded", schedule_interval=SCHEDULE["schedule_interval"])
        for name in ("ada's", "ada's former")
    )
    schedules.soft_delete(deleted_schedule.pk, ada)
    endpoint = endpoints.create(ada, url="https://hooks.example.org/ada", events=["job.failed"])
    endpoints.send_test(endpoint.pk, ada)
    yield Scene(
        ada=ada,
        bob=client_of(bob),
        pending=Job.objects.get(pk=pending),
        failed=failed,
        deleted=deleted,
        session=Session.objects.get(pk=session),
        schedule=schedule,
        deleted_schedule=deleted_schedule,
        batch=Batch.objects.create(name="ada's", total=0, user=ada),
        article=Article.objects.create(title="ada's", user=ada),
        podcast=stored_podcast(seconds=0.1, user=ada),
        endpoint=endpoint,
    )
    registry.remove("guarded")
    catalogue.forget()


@pytest.fixture
def unfiltered(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take the application's filters away."""
    for queryset in (
        *(JobQuerySet, SessionQuerySet, ScheduleQuerySet, BatchQuerySet, ArticleQuerySet, PodcastQuerySet),
        WebhookEndpointQuerySet,
    ):
        monkeypatch.setattr(queryset, "owned_by", lambda self, user: self)
    monkeypatch.setattr("jobs.api.jobs.find_job", lambda job_id, owner: find_job(job_id))
    monkeypatch.setattr(RequestLogViewSet, "get_queryset", lambda self: RequestLog.objects.all())
    for module in list(sys.modules.values()):
        if getattr(module, "__name__", "").startswith("analytics.api") and hasattr(module, "whose"):
            monkeypatch.setattr(module, "whose", lambda user: "ada")


def test_every_endpoint_has_its_place_here() -> None:
    """A new one belongs into OWNED or MAKING with a probe, into REFUSED, or into OPEN."""
    there = {
        (method, route.removeprefix("api/v1/"))
        for route, view in addresses("config.urls")
        if route.startswith("api/v1/")
        for method in methods(view)
    }
    assert there == {*OWNED, *MAKING, *REFUSED, *OPEN}


def methods(view: Any) -> set[str]:
    of_class = view_class(view)
    known = set(of_class.http_method_names) - {"head", "options", "trace"}
    return known & set(getattr(view, "actions", None) or [name for name in known if hasattr(of_class, name)])


@pytest.mark.parametrize("endpoint", NAMES, ids=NAMES.values())
def test_the_applications_filter_holds_alone(scene: Scene, endpoint: tuple[str, str]) -> None:
    before = scene.traces()
    assert not {**OWNED, **MAKING}[endpoint](scene)
    assert scene.traces() == before


@pytest.mark.usefixtures("unfiltered", "handlers_as_app")
@pytest.mark.parametrize("endpoint", NAMES, ids=NAMES.values())
def test_row_level_security_holds_alone(scene: Scene, endpoint: tuple[str, str]) -> None:
    before = scene.traces()
    assert not {**OWNED, **MAKING}[endpoint](scene)
    assert scene.traces() == before


@pytest.mark.usefixtures("unfiltered")
@pytest.mark.parametrize("endpoint", OWNED, ids=[NAMES[each] for each in OWNED])
def test_without_either_the_probe_finds_what_is_not_bobs(scene: Scene, endpoint: tuple[str, str]) -> None:
    assert OWNED[endpoint](scene)


@pytest.mark.parametrize(("method", "route"), sorted(REFUSED))
def test_what_is_for_others_is_refused_before_anything_is_looked_for(scene: Scene, method: str, route: str) -> None:
    path = route.removeprefix("^").removesuffix("$")
    for pattern, value in (
        (r"(?P<user_id>[\w.@+:-]+)", "ada"),
        ("<str:user_id>", "ada"),
        ("<uuid:pk>", str(scene.pending.pk)),
        ("<str:name>", "guarded"),
        ("<str:language_title>", "python-guarded"),
    ):
        path = path.replace(pattern, value)
    assert scene(method, path).status_code == 403


def test_statuses_of_the_scene(scene: Scene) -> None:
    """What the probes act upon is in a state where the act would be possible."""
    assert (scene.pending.status, scene.failed.status) == (Status.PENDING, Status.DEAD_LETTER)
