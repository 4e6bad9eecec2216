import pytest

from jobs.articles.exceptions import UrlRefused
from jobs.articles.urls import judge


@pytest.mark.parametrize(
    "url",
    [
        "",
        "example.org",
        "//example.org/",
        "ftp://example.org/",
        "file:///etc/passwd",
        "gopher://example.org:70/_x",
        "data:text/html,hello",
        "javascript:alert(1)",
        "http://",
        "http:///path",
        "http://:80/",
        "http://user@example.org/",
        "http://user:secret@example.org/",
        "http://example.org@127.0.0.1/",
        "http://@example.org/",
        "http://example.org:22/",
        "http://example.org:8080/",
        "https://example.org:0/",
        "http://example.org:99999/",
        "http://example.org:x/",
        "http://[::1/",
        "http://[fe80::1%25eth0]/",
        "http://exa mple.org/",
        "http://example.org/\r\nX-Injected: 1",
        "http://example.org/\tx",
        "http://example.org\\@127.0.0.1/",
        "http://example.org/\x00",
        " http://example.org/",
        "http://" + "a" * 64 + ".org/",
        "http://..org/",
        "http://example.org/" + "a" * 2048,
    ],
)
def test_what_is_no_plain_web_url_is_refused(url: str) -> None:
    with pytest.raises(UrlRefused):
        judge(url)


@pytest.mark.parametrize(
    ("url", "seen"),
    [
        ("http://example.org", "http://example.org/"),
        ("HTTPS://Example.ORG:443/A?b=c#d", "https://example.org/A?b=c"),
        ("http://example.org:443/", "http://example.org:443/"),
        ("http://日本語.example/記事?題=夏", "http://xn--wgv71a119e.example/%E8%A8%98%E4%BA%8B?%E9%A1%8C=%E5%A4%8F"),
        ("http://example.org/a%20b/%E8%A8%98", "http://example.org/a%20b/%E8%A8%98"),
        ("http://[2606:4700::1]/x", "http://[2606:4700::1]/x"),
        ("http://１２７.０.０.１/", "http://127.0.0.1/"),
    ],
)
def test_a_url_is_seen_as_it_will_be_asked_for(url: str, seen: str) -> None:
    assert judge(url).url == seen


def test_a_redirect_is_read_from_where_it_stands_and_judged_as_strictly() -> None:
    target = judge("https://example.org/a/b")
    assert target.follow("../c?d#e").url == "https://example.org/c?d"
    assert target.follow("//other.example/").url == "https://other.example/"
    for location in ("file:///etc/passwd", "http://a:b@example.org/", "http://example.org:6379/", "http://[::1"):
        with pytest.raises(UrlRefused):
            target.follow(location)
