"""Which search engine it is: Elasticsearch or OpenSearch, and new enough."""

import re
from dataclasses import dataclass
from typing import Any, Final

from jobs.search.engine.failures import Nonsense, Refused

#: By product: the first version that is known to do what is asked of it.
OLDEST: Final = {"Elasticsearch": 8, "OpenSearch": 2}


@dataclass(frozen=True, slots=True)
class Product:
    name: str
    version: str

    def __str__(self) -> str:
        return f"{self.name} {self.version}"


def product_of(found: dict[str, Any]) -> Product:
    """Read the answer to GET /; raises Refused for what is too old or another product."""
    version = found.get("version")
    number = version.get("number") if isinstance(version, dict) else None
    if (
        not isinstance(version, dict)
        or not isinstance(number, str)
        or not re.fullmatch(r"\d{1,4}\.[\w.+-]{1,50}", number)
    ):
        raise Nonsense(200, "no_version", "it does not say which version it is")
    product = Product(_name(found, version), number)
    if int(number.partition(".")[0]) < OLDEST[product.name]:
        raise Refused(200, "too_old", f"it is {product}, and the oldest that will do is {OLDEST[product.name]}.0")
    return product


def _name(found: dict[str, Any], version: dict[str, Any]) -> str:
    if str(version.get("distribution", "")).lower() == "opensearch":
        return "OpenSearch"
    if found.get("tagline") == "You Know, for Search":
        return "Elasticsearch"
    raise Refused(200, "other_product", "it is neither Elasticsearch nor OpenSearch")
