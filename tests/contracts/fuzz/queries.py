"""Queries over jobs, which are a language of their own: those of the fuzzer mean something by chance alone."""

from typing import Any
from zlib import crc32

from jobs.search.language.parsing import parse
from jobs.search.language.writing import quoted

#: One of each kind of field and condition.
QUERIES = (
    "",
    "*:*",
    "status:(failed OR dead_letter) AND NOT arch:arm64",
    'project_name:compiler* OR hostname:"build 7" -user_email:*@example.org',
    "created_at:[now-7d/d TO *] priority:>=5 progress:[0 TO 50}",
    "metadata.cpuCores:>=4 metadata.docker\\ image:sha256* _exists_:metadata.cpuCores",
    "is_deleted:true OR is_deleted:false",
    "connection reset",
    "error_message:refused attempt:>1 tags:night",
    "user_id:fuzzer workspace:nowhere",
    "id:00000000-0000-7000-8000-000000000000 OR parent_id:*",
)


def let_be_a_query(query: dict[str, Any]) -> None:
    """Ask one of these in the place of what the fuzzer has typed, and for that as a text as well."""
    if "q" not in query:
        return
    typed = str(query["q"])
    text = "".join(filter(str.isprintable, typed))[:200].strip()
    chosen = QUERIES[crc32(typed.encode(errors="replace")) % len(QUERIES)]
    query["q"] = f"({chosen}) OR hostname:{quoted(text)}" if chosen and text else chosen
    # What is wrong here would be told of the API else.
    parse(query["q"])
