"""Getting an article from the one source that was given."""

from jobs.articles.decoding import decode
from jobs.articles.extraction import Article, extract, extract_plain
from jobs.articles.fetching import fetch
from jobs.context import Context
from jobs.exceptions import NonRetryableError


def read(
    ctx: Context, *, content: str | None = None, html: str | None = None, url: str | None = None
) -> tuple[Article, str | None]:
    """Give the article and the URL it came from in the end; raises NonRetryableError unless one source is given."""
    given = [source for source in (content, html, url) if source is not None]
    if len(given) != 1:
        raise NonRetryableError("Give the article in exactly one way: as content, as html or as a url.")
    if content is not None:
        return extract_plain(content), None
    if html is not None:
        return extract(html), None
    ctx.progress(10, "Fetching the page")
    page = fetch(given[0])
    ctx.progress(40, "Reading the page")
    text, encoding = decode(page.body, page.charset)
    ctx.log.info("fetched url=%s bytes=%d encoding=%s", page.url, len(page.body), encoding)
    return (extract_plain(text) if page.content_type == "text/plain" else extract(text)), page.url
