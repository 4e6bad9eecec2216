import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote, urljoin, urlsplit

from jobs.articles.exceptions import UrlRefused

#: Longer ones are not written by people, and some servers refuse them.
LONGEST_URL: Final = 2048

PORTS: Final = {"http": 80, "https": 443}

# Parsers disagree about these, and urlsplit drops some of them without a word.
_SUSPECT = re.compile(r"[\x00-\x20\x7f\\\s]")
_KEPT_IN_PATH: Final = "/%:@!$&'()*+,;=-._~?"


@dataclass(frozen=True, slots=True)
class Target:
    """A judged URL, taken apart once so that nothing downstream parses it again."""

    scheme: str
    host: str
    port: int
    path: str

    @property
    def url(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        port = "" if self.port == PORTS[self.scheme] else f":{self.port}"
        return f"{self.scheme}://{host}{port}{self.path}"

    def follow(self, location: str, *, any_port: bool = False) -> "Target":
        """Judge where a redirect leads, as strictly as the first URL."""
        try:
            return judge(urljoin(self.url, location.strip()), any_port=any_port)
        except ValueError as exc:
            raise UrlRefused("The page redirects to a URL that cannot be read.") from exc


def judge(url: str, *, any_port: bool = False) -> Target:
    """Take a URL apart, or raise UrlRefused with the reason. Says nothing yet about where its host is."""
    if len(url) > LONGEST_URL:
        raise UrlRefused(f"The URL is longer than {LONGEST_URL} characters.")
    if _SUSPECT.search(url):
        raise UrlRefused("The URL contains a space, a backslash or a control character.")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as exc:
        raise UrlRefused("The URL cannot be read.") from exc
    if parts.scheme not in PORTS:
        raise UrlRefused("Only http and https URLs are fetched.")
    if "@" in parts.netloc:
        raise UrlRefused("The URL contains credentials.")
    port = PORTS[parts.scheme] if port is None else port
    if port not in PORTS.values() and not any_port:
        raise UrlRefused("Only the ports 80 and 443 are fetched from.")
    query = f"?{parts.query}" if parts.query else ""
    return Target(parts.scheme, _host(parts.hostname), port, quote((parts.path or "/") + query, safe=_KEPT_IN_PATH))


def _host(name: str | None) -> str:
    if not name or "%" in name:
        raise UrlRefused("The URL names no host.")
    try:
        return name.encode("idna").decode("ascii") if ":" not in name else name
    except UnicodeError as exc:
        raise UrlRefused("The host name in the URL is not a valid one.") from exc
