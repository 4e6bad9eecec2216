"""The description of the API, kept in the repository so that a change of it is seen in review."""

import json
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.urls import URLPattern, URLResolver, get_resolver

FILE = Path(__file__).parent.parent.parent / "docs" / "openapi.json"

ALL = ("get", "post", "put", "patch", "delete")


@pytest.fixture
def described(tmp_path: Path) -> dict[str, Any]:
    """Describe the API anew; a warning of the generator is an error."""
    path = tmp_path / "openapi.json"
    call_command("spectacular", format="openapi-json", file=str(path), validate=True, fail_on_warn=True)
    return dict(json.loads(path.read_text()))


def test_the_file_tells_what_the_code_does(described: dict[str, Any]) -> None:
    assert described == json.loads(FILE.read_text()), (
        "docs/openapi.json is out of date: manage.py spectacular --format openapi-json --file docs/openapi.json"
    )


def methods(patterns: list[Any], prefix: str = "/") -> set[tuple[str, str]]:
    """Collect the addresses of the API and the methods that their views have."""
    found = set()
    for entry in patterns:
        route = prefix + str(entry.pattern).removeprefix("^").removesuffix("$").removesuffix("\\Z")
        if isinstance(entry, URLResolver):
            found |= methods(entry.url_patterns, route)
        elif isinstance(entry, URLPattern) and route.startswith("/api/v1/"):
            view: Any = entry.callback
            able = getattr(view, "actions", None) or [name for name in ALL if hasattr(view.cls, name)]
            found |= {(route, method) for method in ALL if method in able and method in view.cls.http_method_names}
    return found


def test_every_address_and_method_is_described(described: dict[str, Any]) -> None:
    there = methods(get_resolver().url_patterns)
    told = [(path, method) for path, operations in described["paths"].items() for method in operations]

    assert len(told) == len(there) > 25
    assert sorted(method for _, method in told) == sorted(method for _, method in there)


def test_the_payload_of_every_job_type_is_described(described: dict[str, Any]) -> None:
    kinds = {kind["title"]: kind for kind in described["components"]["schemas"]["NewJobRequest"]["oneOf"]}

    assert {"extract_content", "summarize", "validate_summary"} <= kinds.keys()
    payload = kinds["validate_summary"]["properties"]["payload"]
    assert [way["required"] for way in payload["anyOf"]] == [["summary", "source"], ["article_id"]]
    assert "payload" in kinds["validate_summary"]["required"]
