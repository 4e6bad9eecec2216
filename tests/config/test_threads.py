import asyncio
import threading
from uuid import uuid4

import pytest
from asgiref.sync import iscoroutinefunction
from django.http import HttpResponse, StreamingHttpResponse
from django.urls import resolve

from config import asgi
from config.threads import Threads


def echo(environ, start_response):
    """A WSGI application that says what it was asked."""
    body = environ["wsgi.input"].read()
    start_response("201 Created", [("X-Body", str(len(body))), ("X-Length", environ.get("CONTENT_LENGTH", "none"))])
    return [f"{environ['REQUEST_METHOD']} {environ['PATH_INFO']}?{environ['QUERY_STRING']}".encode()]


def scope(path="/", *, method="GET", query=b"", headers=()):
    return {"type": "http", "method": method, "path": path, "query_string": query, "headers": list(headers)}


def ask(application, request, *bodies):
    """Send a request in pieces; give back the messages that came for it."""
    pieces = list(bodies) or [b""]
    incoming = [
        {"type": "http.request", "body": body, "more_body": number < len(pieces)}
        for number, body in enumerate(pieces, start=1)
    ]
    sent = []

    async def receive():
        return incoming.pop(0) if incoming else {"type": "http.disconnect"}

    async def send(message):
        sent.append(message)

    asyncio.run(application(request, receive, send))
    return sent


def test_request_and_answer_arrive_whole():
    head, body = ask(Threads(echo, 1, 100), scope("/駅", method="POST", query=b"a=%20b"), b"one", b"two")
    assert head["status"] == 201
    assert dict(head["headers"]) == {b"x-body": b"6", b"x-length": b"6"}
    assert body["body"] == "POST /駅?a=%20b".encode().decode("latin-1").encode()
    assert not body["more_body"]


def test_body_without_a_length_is_counted():
    chunked = scope(method="POST", headers=[(b"transfer-encoding", b"chunked")])
    head, _ = ask(Threads(echo, 1, 100), chunked, b"12345")
    assert dict(head["headers"])[b"x-length"] == b"5"


def test_no_more_is_read_than_shows_that_the_body_is_too_large():
    pieces = [b"x" * 60] * 1000
    head, _ = ask(Threads(echo, 1, 100), scope(method="POST"), *pieces)
    assert dict(head["headers"])[b"x-body"] == b"120"


def test_client_that_goes_before_its_body_is_whole_gets_nothing_done():
    def never(environ, start_response):
        raise AssertionError("half a request was served")

    incoming = [{"type": "http.request", "body": b"half", "more_body": True}, {"type": "http.disconnect"}]

    async def receive():
        return incoming.pop(0)

    async def send(message):
        raise AssertionError("an answer to nobody")

    asyncio.run(Threads(never, 1, 100)(scope(method="POST"), receive, send))


def test_underscores_cannot_pass_for_a_header_of_the_proxy():
    def show(environ, start_response):
        start_response("200 OK", [])
        return [environ["HTTP_X_FORWARDED_PROTO"].encode()]

    headers = [(b"x-forwarded-proto", b"http"), (b"x_forwarded_proto", b"https")]
    assert ask(Threads(show, 1, 100), scope(headers=headers))[1]["body"] == b"http"


def test_repeated_headers_are_joined_as_their_kind_wants():
    def show(environ, start_response):
        start_response("200 OK", [])
        return [f"{environ['HTTP_COOKIE']} {environ['HTTP_ACCEPT']}".encode()]

    headers = [(b"cookie", b"a=1"), (b"accept", b"x"), (b"cookie", b"b=2"), (b"accept", b"y")]
    assert ask(Threads(show, 1, 100), scope(headers=headers))[1]["body"] == b"a=1; b=2 x,y"


def test_stream_is_sent_piece_by_piece_and_closed():
    closed = []

    class Stream(StreamingHttpResponse):
        def close(self):
            closed.append(True)
            super().close()

    def stream(environ, start_response):
        start_response("200 OK", [])
        return Stream(iter(["one", "two"]))

    sent = ask(Threads(stream, 1, 100), scope())
    assert [message.get("body") for message in sent[1:]] == [b"one", b"two", b""]
    assert closed == [True]


def test_no_more_requests_run_at_once_than_there_are_threads():
    most, running = [0], [0]
    lock, both = threading.Lock(), threading.Barrier(2)

    def count(environ, start_response):
        with lock:
            running[0] += 1
            most[0] = max(most[0], running[0])
        both.wait(30)
        with lock:
            running[0] -= 1
        start_response("200 OK", [])
        return HttpResponse(b"")

    application = Threads(count, 2, 100)

    async def receive():
        return {"type": "http.request", "body": b""}

    async def send(message):
        pass

    async def six():
        await asyncio.gather(*(application(scope(), receive, send) for _ in range(6)))

    asyncio.run(six())
    assert most == [2]


@pytest.mark.parametrize(
    ("request_scope", "long"),
    [
        (scope("/api/v1/jobs/0/events"), True),
        (scope("/api/v1/jobs/0", query=b"wait=30"), True),
        (scope("/api/v1/jobs/0", query=b"fields=a&wait=1"), True),
        (scope("/api/v1/jobs/0", headers=[(b"prefer", b"wait=5")]), True),
        (scope("/api/v1/jobs/0", query=b"await=30"), False),
        (scope("/api/v1/jobs"), False),
        (scope("/admin/"), False),
    ],
)
def test_only_long_answers_stay_on_the_event_loop(request_scope, long):
    assert asgi.lasts(request_scope) is long


def test_django_answers_through_the_threads():
    head, body = ask(asgi.application, scope("/health/live", headers=[(b"host", b"localhost")]))
    assert head["status"] == 200
    assert b"ok" in body["body"]


def test_the_event_loop_serves_views_that_wait():
    request, refusal = asgi.on_loop.create_request(scope("/"), None)
    assert refusal is None
    waits, plain = (resolve(f"/api/v1/jobs/{uuid4()}", urlconf).func for urlconf in (request.urlconf, None))
    assert (iscoroutinefunction(waits), iscoroutinefunction(plain)) == (True, False)
    assert resolve("/api/v1/jobs", request.urlconf).func is resolve("/api/v1/jobs").func
