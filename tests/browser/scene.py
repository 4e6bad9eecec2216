"""An afternoon at an article reader: what the pictures in the documents show."""

from datetime import datetime, timedelta
from typing import Any

from django.utils.timezone import now

from jobs import dead_letters, functions, queues
from jobs.models import DeadLetter, DeadLetterGroup, Job, Worker
from jobs.synchronizing import synchronize
from tests.jobs.rows import dead_letter, fail, finish, new_job, start

_READ = """Traceback (most recent call last):
  File "/srv/ekiden/jobs/execution.py", line 45, in run
    return conclude(job_type.function(context, **payload))
  File "/srv/ekiden/jobs/handlers/articles.py", line 51, in summarize
    article, reached = _read(ctx, content=content, html=html, url=url)
  File "/srv/ekiden/jobs/handlers/articles.py", line 96, in _read
    raise NoTextFound
jobs.articles.exceptions.NoTextFound: No readable text was found.
"""
_FETCH = """Traceback (most recent call last):
  File "/srv/ekiden/jobs/handlers/articles.py", line 33, in extract_content
    article, reached = _read(ctx, html=html, url=url)
  File "/srv/ekiden/jobs/articles/fetching.py", line 72, in fetch
    answer = connection.request("GET", path, deadline=deadline)
  File "/usr/lib/python3.11/ssl.py", line 1342, in do_handshake
    self._sslobj.do_handshake()
TimeoutError: [Errno 110] Connection timed out: news.example.org:443
"""
_VALIDATE = """Traceback (most recent call last):
  File "/srv/ekiden/jobs/handlers/articles.py", line 81, in validate_summary
    raise NonRetryableError(found)
jobs.exceptions.NonRetryableError: The summary is longer than its article (412 > 380 characters).
"""


def build(operator: Any) -> DeadLetter:
    """Fill the tables; gives the letter that the picture of the review page shows."""
    _workers()
    for number in range(6):
        _timeouts(number)
    for number in range(3):
        _too_long(number)
    for number in range(3):
        settled = _no_text(f"kyoto-{2101 + number}", "京都で新しい路面電車の計画が発表された。", minutes=300)
        dead_letters.discard(settled.pk, operator, reason="The page was taken down.")
    _no_text("osaka-2107", "大阪湾の防潮堤が完成し、", minutes=65)
    shown = _no_text("hakone-2118", "", minutes=22)
    dead_letters.annotate(
        shown.pk, operator, "The crawler stored only the cookie banner. Asked Mei for the printed text."
    )
    _live_jobs(operator)
    _functions(operator)
    _groups()
    return DeadLetter.objects.get(pk=shown.pk)


def _workers() -> None:
    for name, running, beat in (("relay-1", 4, 3), ("relay-2", 5, 6), ("relay-3", 0, 260)):
        Worker.objects.create(
            id=f"{name}:7f3a91c2",
            hostname=name,
            pid=4127,
            queues=["default", "imports"],
            concurrency=5,
            running=running,
            rss_mb=84.0,
            started_at=now() - timedelta(hours=9),
            heartbeat_at=now() - timedelta(seconds=beat),
        )


def _timeouts(number: int) -> None:
    payload = {"url": f"https://news.example.org/2026/11/{20 - number}/relay-race", "article_id": f"news-{number}"}
    letter = dead_letter(
        new_job("extract_content", payload=payload, queue="imports", tags=["news"]),
        error_class="TimeoutError",
        message="[Errno 110] Connection timed out: news.example.org:443",
        traceback=_FETCH,
        frame="fetching.py:fetch",
    )
    _age(letter, timedelta(minutes=8 + 37 * number))


def _too_long(number: int) -> None:
    letter = dead_letter(
        new_job("validate_summary", payload={"article_id": f"asahi-{number}", "summary": "…"}, tags=["nightly"]),
        error_class="NonRetryableError",
        message="The summary is longer than its article (412 > 380 characters).",
        traceback=_VALIDATE,
        frame="articles.py:validate_summary",
    )
    _age(letter, timedelta(hours=3 + number))


def _no_text(article: str, content: str, minutes: int) -> DeadLetter:
    payload = {
        "article_id": article,
        "content": content,
        "user_preferences": {"length": "medium", "language": "ja"},
    }
    letter = dead_letter(
        new_job("summarize", payload=payload, priority=7, tags=["ekiden", "print-edition"]),
        error_class="NoTextFound",
        message="No readable text was found.",
        traceback=_READ,
        frame="articles.py:_read",
    )
    _age(letter, timedelta(minutes=minutes))
    return letter


def _live_jobs(operator: Any) -> None:
    for number in range(14):
        job = new_job("summarize", payload={"content": "駅伝", "article_id": f"a-{number}"}, user=operator)
        if number < 6:
            finish(job, {"summary": "駅伝は、たすきをつないで走る競技です。", "language": "ja"})
        elif number < 9:
            start(job, f"relay-{number - 5}:7f3a91c2")
        elif number == 9:
            fail(job, "RateLimitError", "429 from the provider, retry after 30 s", traceback="")
    for number in range(5):
        new_job("extract_content", payload={"url": f"https://example.org/{number}"}, queue="imports")
    queues.configure("imports", operator, "As their terms have it.", concurrency_limit=4, rate_limit="60/m", fair=True)
    queues.pause("imports", operator, "news.example.org times out, waiting for their operators")


def _functions(operator: Any) -> None:
    synchronize()
    schema = {
        "type": "object",
        "properties": {"url": {"type": "string"}, "width": {"type": "integer", "minimum": 16, "maximum": 4096}},
        "required": ["url", "width"],
        "additionalProperties": False,
    }
    made = functions.register(
        operator,
        "node",
        "thumbnail",
        description="Make a picture small.\nIt keeps the proportions, and the colours as far as the format allows.",
        schema_definition=schema,
        examples=[{"url": "https://example.org/箱根.jpg", "width": 320}],
        version="2.1.0",
        tags=["pictures", "web"],
        cache_seconds=3600,
        timeout=20.0,
    )
    functions.change(made.language_title, operator, reason="Larger pictures take longer.", timeout=30.0)
    functions.register(operator, "go", "resize", description="Of former times.", is_active=False)


def _age(letter: DeadLetter, length: timedelta) -> None:
    """Move what happened into the past, in the order it happened."""
    died = now() - length
    Job.objects.filter(pk=letter.original_job_id).update(
        created_at=died - timedelta(seconds=9),
        scheduled_at=died - timedelta(seconds=3),
        started_at=died - timedelta(seconds=2),
        failed_at=died,
        error_history=_dated(letter.error_history, died),
    )
    letter.error_history, letter.moved_at = _dated(letter.error_history, died), died
    letter.save(update_fields=["error_history", "moved_at"])


def _dated(history: list[dict[str, Any]], died: datetime) -> list[dict[str, Any]]:
    last = len(history) - 1
    return [{**error, "at": (died - timedelta(seconds=4 * (last - i))).isoformat()} for i, error in enumerate(history)]


def _groups() -> None:
    for group in DeadLetterGroup.objects.all():
        moved = (
            DeadLetter.objects.filter(error_fingerprint=group.pk)
            .order_by("moved_at")
            .values_list("moved_at", flat=True)
        )
        DeadLetterGroup.objects.filter(pk=group.pk).update(first_seen_at=moved.first(), last_seen_at=moved.last())
