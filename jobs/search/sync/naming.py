"""What an index of jobs is called: the alias, and a number."""

import re
from collections.abc import Iterable

from jobs import conf
from jobs.models import SearchIndex
from jobs.search.engine.client import Engine


def numbered(names: Iterable[str]) -> dict[str, int]:
    """Give the numbers of those that are named as indexes of jobs are."""
    found = (re.fullmatch(rf"{re.escape(conf.search_alias())}-(\d{{6,}})", name) for name in names)
    return {match[0]: int(match[1]) for match in found if match}


def next_name(engine: Engine) -> str:
    """Give a name behind all that the engine has, or that a row knows of."""
    alias = conf.search_alias()
    names = [*SearchIndex.objects.values_list("name", flat=True), *engine.indexes(f"{alias}-")]
    return f"{alias}-{max(numbered(names).values(), default=0) + 1:06d}"
