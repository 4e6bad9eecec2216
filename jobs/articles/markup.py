"""Parse a page and make its tree fit for the extractor, which was made for the markup of today."""

import re
from collections.abc import Iterable
from typing import Any, Final

from lxml import etree, html  # type: ignore[import-untyped]

from jobs.articles.exceptions import NoTextFound, PageTooLarge

#: Beyond these, extraction would take many seconds and hundreds of megabytes.
MOST_CHARACTERS: Final = 3_000_000
MOST_ELEMENTS: Final = 60_000
MOST_ATTRIBUTES: Final = 500

Element = Any  # lxml has no types of its own

# A start tag as HTML5 reads it. Possessive and unable to fail once begun, so the search is linear.
_TAG: Final = re.compile(
    r"""<([a-zA-Z][a-zA-Z0-9]*)(?:[^>=]++|=\s*+(?:"[^"]*+(?:"|\Z)|'[^']*+(?:'|\Z))?+)*+(?:>|\Z)""",
)
_VALUE: Final = re.compile(r"""=\s*+(?:"[^"]*+"?+|'[^']*+'?+)""")
_FORBIDDEN: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff\ufffe\uffff]")

_WIDE: Final = "\u2e80-\u312f\u31a0-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uff00-\uffef"
_WIDE_BREAK: Final = re.compile(rf"(?<=[{_WIDE}])[ \t]*[\r\n]\s*(?=[{_WIDE}])")
_SPACES: Final = re.compile(r"[ \t\r\n]+")

_AS_IT_IS: Final = ("pre", "textarea", "script", "style")
# Signs beside headings that point to themselves; generators of documentation print them.
_PERMALINKS: Final = etree.XPath(
    "//a[contains(concat(' ', normalize-space(@class), ' '), ' headerlink ')"
    " or normalize-space(.) = '\u00b6' or normalize-space(.) = '#']"
)
_CONTAINERS: Final = ("body", "div", "td", "center", "section", "article", "main")
_BLOCKS: Final = frozenset(
    (
        "address article aside base blockquote body center dd details dialog dir div dl dt fieldset figcaption figure "
        "footer form frame frameset h1 h2 h3 h4 h5 h6 head header hgroup hr iframe li link main menu meta nav noframes "
        "noscript ol p pre script search section select style summary table tbody td textarea tfoot th thead title tr "
        "ul"
    ).split()
)


def parse(text: str) -> Element:
    """Build the tree of a page, its text flowing, its menus and permalinks gone.

    Raises PageTooLarge or NoTextFound. Markup that nests too deeply ends where the parser stops.
    """
    if len(text) > MOST_CHARACTERS:
        raise PageTooLarge
    # Bytes, because lxml refuses a str that declares an encoding of its own.
    source = _bounded(printable(text)).encode()
    if not source.strip():
        raise NoTextFound
    parser = html.HTMLParser(encoding="utf-8", remove_comments=True, remove_pis=True, collect_ids=False)
    try:
        tree = html.document_fromstring(source, parser=parser)
    except (etree.ParserError, etree.XMLSyntaxError) as exc:
        raise NoTextFound from exc
    if sum(1 for _ in tree.iter()) > MOST_ELEMENTS:
        raise PageTooLarge(f"The page has more than {MOST_ELEMENTS} elements.")
    for unwanted in (*_PERMALINKS(tree), *tree.iter("nav")):
        unwanted.drop_tree()
    _let_flow(tree)
    for container in list(tree.iter(*_CONTAINERS)):
        _wrap_loose_text(container)
    return tree


def printable(text: str) -> str:
    """Drop control characters and halves of surrogate pairs, which neither a parser nor the database takes."""
    return _FORBIDDEN.sub("", text)


def _bounded(text: str) -> str:
    """Strip tags of their attributes where they are so many that the parser would take minutes (it is quadratic)."""

    def bare(tag: re.Match[str]) -> str:
        whole = tag[0]
        if len(whole) < 2 * MOST_ATTRIBUTES or len(re.findall(r"[\s/=]+", _VALUE.sub("=", whole))) < MOST_ATTRIBUTES:
            return whole
        return f"<{tag[1]}>"

    return _TAG.sub(bare, text)


def _let_flow(tree: Element) -> None:
    """Undo the line breaks of the source: a space in most scripts, nothing between two wide characters."""
    fixed = {inner for kept in tree.iter(*_AS_IT_IS) for inner in kept.iter()}
    tails_fixed = fixed - set(tree.iter(*_AS_IT_IS))
    for element in tree.iter():
        if element.text and element not in fixed:
            element.text = _flow(element.text)
        if element.tail and element not in tails_fixed:
            element.tail = _flow(element.tail)


def _flow(text: str) -> str:
    # Character references bring in again what was dropped from the source, and lxml does not take it back.
    return _SPACES.sub(" ", _WIDE_BREAK.sub("", printable(text)))


def _wrap_loose_text(container: Element) -> None:
    """Put text that stands between blocks into paragraphs; pages of the nineties are written so, and it was lost."""
    if not any(child.tag in _BLOCKS for child in container):
        return
    nodes = list(_taken_apart(container))
    paragraph = None
    for node in nodes:
        if not isinstance(node, str) and _is_block(node):
            paragraph = None
            container.append(node)
            continue
        if paragraph is None:
            if isinstance(node, str) and not node.strip():
                continue
            paragraph = etree.SubElement(container, "p")
        _add(paragraph, node)


def _taken_apart(container: Element) -> Iterable[Element | str]:
    nodes = [container.text] if container.text else []
    container.text = None
    for child in list(container):
        tail, child.tail = child.tail, None
        container.remove(child)
        nodes += [child, tail] if tail else [child]
    return nodes


def _is_block(element: Element) -> bool:
    return element.tag in _BLOCKS or any(inner.tag in _BLOCKS for inner in element.iterdescendants())


def _add(paragraph: Element, node: Element | str) -> None:
    if not isinstance(node, str):
        paragraph.append(node)
    elif len(paragraph):
        paragraph[-1].tail = (paragraph[-1].tail or "") + node
    else:
        paragraph.text = (paragraph.text or "") + node
