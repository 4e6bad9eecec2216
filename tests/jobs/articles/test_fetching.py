import gzip
import socket
import ssl
import threading
import time
import tracemalloc
import zlib
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from pytest_django import Settings

from jobs.articles.addresses import system_addresses
from jobs.articles.checks import check_private_hosts
from jobs.articles.exceptions import (
    AddressRefused,
    CertificateRefused,
    FetchFailed,
    FetchTimedOut,
    PageRefused,
    PageTooLarge,
    TooManyRedirects,
    UrlRefused,
    WrongContent,
)
from jobs.articles.fetching import Limits, fetch
from jobs.exceptions import NonRetryableError, RateLimitError, RetryableError
from tests.jobs.articles.web import TLS, Names, Server, drip, dripping, listening, page, raw, redirect

SMALL = Limits(body_bytes=100_000)
HURRIED = Limits(connect_seconds=0.4, read_seconds=0.4, total_seconds=0.4)


def trusting() -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(TLS / "ca.pem"))


def local_or_real(host: str, port: int, seconds: float) -> list[str]:
    return ["127.0.0.1"] if host == "articles.test" else system_addresses(host, port, seconds)


# The usual case


def test_a_page_comes_back_with_what_the_server_said_of_it(web: Server) -> None:
    web.answers["/news"] = page("<p>今日は".encode("euc_jp"), "text/html; charset=EUC-JP")
    got = fetch(web.url("/news?id=1"), resolve=Names())
    assert (got.body.decode("euc_jp"), got.content_type, got.charset) == ("<p>今日は", "text/html", "euc-jp")
    assert got.url == web.url("/news?id=1")


def test_the_request_names_the_host_and_carries_nothing_of_ours(web: Server) -> None:
    web.answers["/"] = page(b"hello")
    fetch(web.url("/"), resolve=Names())
    path, headers = web.requests[0]
    assert path == "/"
    assert headers["Host"] == f"articles.test:{web.server_port}"
    assert not headers.keys() & {"Cookie", "Authorization", "Referer", "Proxy-Authorization"}


@pytest.mark.parametrize("pack", [gzip.compress, lambda body: body, zlib.compress])
def test_a_packed_body_is_unpacked(web: Server, pack: Callable[[bytes], bytes]) -> None:
    encoding = {gzip.compress: "gzip", zlib.compress: "deflate"}.get(pack, "identity")
    web.answers["/"] = page(pack(b"hello " * 5000), Content_Encoding=encoding)
    assert fetch(web.url(), resolve=Names()).body == b"hello " * 5000


def test_proxies_from_the_environment_are_ignored(web: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as nobody:
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "https_proxy"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{nobody.getsockname()[1]}")
        web.answers["/"] = page(b"hello")
        assert fetch(web.url(), resolve=Names()).body == b"hello"


# Where it may go


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "0x7f000001",
        "2130706433",
        "127.1",
        "0177.0.0.1",
        "１２７.０.０.１",
        "127。0。0。1",
        "localhost",
        "0.0.0.0",
        "0",
        "10.0.0.1",
        "169.254.169.254",
        "100.100.100.200",
        "192.168.1.1",
        "224.0.0.1",
        "[::1]",
        "[::]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[2002:7f00:1::]",
        "[64:ff9b::7f00:1]",
        "[fd00:ec2::254]",
        "[fe80::1]",
    ],
)
def test_no_spelling_of_an_inner_address_is_connected_to(host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    connected: list[object] = []
    monkeypatch.setattr(socket, "create_connection", lambda *args, **kwargs: connected.append(args))
    with pytest.raises(AddressRefused):
        fetch(f"http://{host}/")
    assert connected == []


@pytest.mark.parametrize(
    ("location", "error"),
    [
        ("http://10.0.0.1/", AddressRefused),
        ("http://169.254.169.254/latest/meta-data/", AddressRefused),
        ("http://[::ffff:10.0.0.1]/", AddressRefused),
        ("//192.168.0.1/", AddressRefused),
        ("http://0xa000001/", AddressRefused),
        ("file:///etc/passwd", UrlRefused),
        ("ftp://articles.test/", UrlRefused),
        ("http://user:secret@articles.test/", UrlRefused),
        ("http://articles.test\\@10.0.0.1/", UrlRefused),
        ("", UrlRefused),
    ],
)
def test_a_redirect_inwards_is_not_followed(web: Server, location: str, error: type[Exception]) -> None:
    web.answers["/"] = redirect(location)
    with pytest.raises(error):
        fetch(web.url(), resolve=local_or_real)
    assert len(web.requests) == 1


def test_three_redirects_are_followed_and_a_fourth_is_not(web: Server) -> None:
    web.answers = {
        "/1": redirect("/2", 301),
        "/2": redirect("3", 303),
        "/3": redirect(web.url("/4", host="other.test"), 307),
        "/4": page(b"arrived"),
        "/0": redirect("/1", 308),
    }
    names = Names()
    got = fetch(web.url("/1"), resolve=names)
    assert (got.body, got.url) == (b"arrived", web.url("/4", host="other.test"))
    assert names.asked == ["articles.test", "articles.test", "articles.test", "other.test"]
    with pytest.raises(TooManyRedirects):
        fetch(web.url("/0"), resolve=Names())


def test_a_name_is_resolved_once_and_the_checked_address_is_used(web: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """A rebinding name server answers with a public address first and with an inner one when asked again."""
    looked_up: list[str] = []
    real = socket.getaddrinfo

    def spy(host: str, *args: object, **kwargs: object) -> object:
        looked_up.append(host)
        return real(host, *args, **kwargs)

    monkeypatch.setattr(socket, "getaddrinfo", spy)
    web.answers["/"] = page(b"hello")
    names = Names([["127.0.0.1"], ["10.0.0.1"]])
    assert fetch(web.url(), resolve=names).body == b"hello"
    assert names.asked == ["articles.test"]
    assert set(looked_up) <= {"127.0.0.1"}


def test_a_name_that_turns_inwards_between_redirects_is_refused(web: Server) -> None:
    web.answers = {"/": redirect("/again"), "/again": page(b"inner secret")}
    with pytest.raises(AddressRefused):
        fetch(web.url(), resolve=Names([["127.0.0.1"], ["10.0.0.1"]]))
    assert [path for path, _ in web.requests] == ["/"]


def test_the_next_address_is_tried_when_the_first_does_not_answer(web: Server) -> None:
    web.answers["/"] = page(b"hello")
    assert fetch(web.url(), resolve=Names([["127.0.0.2", "127.0.0.1"]])).body == b"hello"


def test_this_machine_is_only_for_tests_and_the_deploy_check_says_so(web: Server, settings: Settings) -> None:
    web.answers["/"] = page(b"hello")
    assert [error.id for error in check_private_hosts()] == ["jobs.E010"]
    settings.ARTICLES_ALLOW_PRIVATE_HOSTS = False
    assert check_private_hosts() == []
    with pytest.raises(UrlRefused):  # its port
        fetch(web.url(), resolve=Names())
    with pytest.raises(AddressRefused):
        fetch("http://articles.test/", resolve=Names())
    assert web.requests == []


# TLS


def test_the_certificate_is_checked_for_the_host_and_the_host_is_named(web: Server) -> None:
    web.speak_tls()
    web.answers["/"] = page(b"secret")
    assert fetch(web.url(scheme="https"), resolve=Names(), tls=trusting).body == b"secret"
    assert web.server_names == ["articles.test"]
    with pytest.raises(CertificateRefused):
        fetch(web.url(scheme="https", host="other.test"), resolve=Names(), tls=trusting)
    with pytest.raises(CertificateRefused):
        fetch(web.url(scheme="https"), resolve=Names())


# How much and how long


@pytest.mark.parametrize("total", [100_001, 5_000_000])
def test_a_body_over_the_cap_is_refused_announced_or_not(web: Server, total: int) -> None:
    body = b"x" * total
    web.answers = {"/announced": page(body), "/not": raw(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n", body)}
    for path in web.answers:
        with pytest.raises(PageTooLarge):
            fetch(web.url(path), limits=SMALL, resolve=Names())


def test_a_body_of_just_the_cap_is_read(web: Server) -> None:
    web.answers["/"] = page(b"x" * 100_000)
    assert len(fetch(web.url(), limits=SMALL, resolve=Names()).body) == 100_000


def chunked(body: bytes) -> bytes:
    return b"%x\r\n" % len(body) + body + b"\r\n0\r\n\r\n"


@pytest.mark.parametrize("in_chunks", [False, True])
def test_a_bomb_is_counted_unpacked_and_never_fills_the_memory(web: Server, in_chunks: bool) -> None:
    bomb = gzip.compress(b"\0" * 60_000_000)
    head = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Encoding: gzip\r\n"
    transfer = b"Transfer-Encoding: chunked\r\n\r\n" if in_chunks else b"\r\n"
    web.answers["/"] = raw(head, transfer, chunked(bomb) if in_chunks else bomb)
    tracemalloc.start()
    try:
        with pytest.raises(PageTooLarge):
            fetch(web.url(), limits=SMALL, resolve=Names())
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(bomb) < 100_000 < peak < 5_000_000


@pytest.mark.parametrize("encoding", ["gzip, gzip", "br", "zstd", "compress"])
def test_other_packings_and_bombs_within_bombs_are_refused(web: Server, encoding: str) -> None:
    web.answers["/"] = page(gzip.compress(gzip.compress(b"hello")), Content_Encoding=encoding)
    with pytest.raises(WrongContent):
        fetch(web.url(), resolve=Names())


@pytest.mark.parametrize(
    "answer",
    [
        dripping(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 100000\r\n\r\n", b"x"),
        dripping(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n", b"x"),
        dripping(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nTransfer-Encoding: chunked\r\n\r\n", b"1;"),
        dripping(b"HTTP/1.1 200 OK\r\nX: ", b"x"),
        dripping(b"HTTP/1.1 200 OK\r\n", b"X: y\r\n"),
        dripping(b"", b"H"),
    ],
    ids=["body", "body without length", "chunk size", "header", "headers", "status line"],
)
def test_a_server_that_drips_is_cut_off_at_the_deadline(web: Server, answer: Callable[..., None]) -> None:
    web.answers["/"] = answer
    began = time.monotonic()
    with pytest.raises(FetchTimedOut):
        fetch(web.url(), limits=HURRIED, resolve=Names())
    assert time.monotonic() - began < 3


def test_a_tls_handshake_that_drips_is_cut_off_too(web: Server) -> None:
    def talk(connection: socket.socket, over: threading.Event) -> None:
        connection.sendall(b"\x16\x03\x03\x3f\xff\x02\x00\x3f\xfb")
        drip(connection, b"\x00", over)

    began = time.monotonic()
    with listening(talk) as port, pytest.raises(FetchTimedOut):
        fetch(f"https://articles.test:{port}/", limits=HURRIED, resolve=Names(), tls=trusting)
    assert time.monotonic() - began < 3


def test_a_server_that_says_nothing_is_given_up_before_the_total(web: Server) -> None:
    limits = Limits(read_seconds=0.2, connect_seconds=20, total_seconds=30)
    began = time.monotonic()
    with listening(lambda connection, over: over.wait(20) and None) as port, pytest.raises(FetchFailed):
        fetch(f"http://articles.test:{port}/", limits=limits, resolve=Names())
    assert time.monotonic() - began < 5


def test_the_deadline_counts_all_redirects_together(web: Server) -> None:
    def dawdle(handler: object) -> None:
        web.over.wait(0.25)
        redirect("/")(handler)  # type: ignore[arg-type]

    web.answers["/"] = dawdle
    with pytest.raises(FetchTimedOut):
        fetch(web.url(), limits=HURRIED, resolve=Names())
    assert len(web.requests) == 2


# What it answers


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410, 451, 304])
def test_a_refusal_is_final(web: Server, status: int) -> None:
    web.answers["/"] = page(b"", status=status)
    with pytest.raises(PageRefused) as caught:
        fetch(web.url(), resolve=Names())
    assert caught.value.status == status
    assert isinstance(caught.value, NonRetryableError)


@pytest.mark.parametrize("status", [408, 500, 502, 503, 504])
def test_a_server_in_trouble_is_tried_again(web: Server, status: int) -> None:
    web.answers["/"] = page(b"", status=status)
    with pytest.raises(FetchFailed) as caught:
        fetch(web.url(), resolve=Names())
    assert isinstance(caught.value, RetryableError)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [("120", 120), ("0", 1), ("", 60), ("soon", 60), ("-5", 60), ("9999999", 3600), ("9" * 40, 60)],
)
def test_too_many_requests_waits_as_long_as_the_site_says(web: Server, value: str, seconds: float) -> None:
    web.answers["/"] = page(b"", status=429, Retry_After=value)
    with pytest.raises(RateLimitError) as caught:
        fetch(web.url(), resolve=Names())
    assert caught.value.retry_after == seconds


def test_a_date_to_come_back_at_is_understood(web: Server) -> None:
    moment = format_datetime(datetime.now(UTC) + timedelta(seconds=300), usegmt=True)
    web.answers["/"] = page(b"", status=429, Retry_After=moment)
    with pytest.raises(RateLimitError) as caught:
        fetch(web.url(), resolve=Names())
    assert 290 < caught.value.retry_after <= 300


@pytest.mark.parametrize("content_type", ["image/png", "application/pdf", "text/xml", "application/json", "nonsense"])
def test_what_is_not_a_page_is_refused(web: Server, content_type: str) -> None:
    web.answers["/"] = page(b"\x89PNG", content_type)
    with pytest.raises(WrongContent):
        fetch(web.url(), resolve=Names())


@pytest.mark.parametrize(
    "pieces",
    [
        (b"",),
        (b"nonsense\r\n\r\n",),
        (b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 100\r\n\r\nhalf",),
        (b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",),
        (b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Encoding: gzip\r\n\r\nnot gzip",),
        (b"HTTP/1.1 200 OK\r\n" + b"".join(b"X-%d: y\r\n" % n for n in range(200)) + b"\r\n",),
    ],
    ids=["nothing", "no HTTP", "cut short", "bad chunk", "not packed", "200 headers"],
)
def test_a_broken_answer_is_a_failure_to_try_again(web: Server, pieces: tuple[bytes, ...]) -> None:
    web.answers["/"] = raw(*pieces)
    with pytest.raises(FetchFailed):
        fetch(web.url(), resolve=Names())


def test_nobody_listening_is_a_failure_to_try_again(web: Server) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    with pytest.raises(FetchFailed):
        fetch(f"http://articles.test:{port}/", resolve=Names())
