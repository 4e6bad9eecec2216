"""docs/search.md names the engines that the client takes, and roles that have what it needs."""

import json
import re
from fnmatch import fnmatchcase
from pathlib import Path

from jobs.search.engine.operations import writes
from jobs.search.engine.products import OLDEST
from tests.markdown import blocks

PAGE = "docs/search.md"
TEXT = (Path(__file__).parents[2] / PAGE).read_text()
ALIAS = "ekiden-jobs"


def test_the_engines_are_those_of_the_client() -> None:
    assert dict(re.findall(r"^\| (Elasticsearch|OpenSearch) \| (\d+)\.0 \|", TEXT, re.MULTILINE)) == {
        name: str(version) for name, version in OLDEST.items()
    }


def test_both_roles_reach_every_name_that_is_used() -> None:
    roles = [json.loads(each.text) for each in blocks(PAGE) if each.language == "json" and "ekiden-jobs-*" in each.text]
    patterns = [roles[0]["indices"][0]["names"], roles[1]["index_permissions"][0]["index_patterns"]]
    for name in (ALIAS, f"{ALIAS}-000001", writes(f"{ALIAS}-000001")):
        assert all(any(fnmatchcase(name, pattern) for pattern in each) for each in patterns), name


def test_the_recipe_names_one_version_throughout() -> None:
    recipe = TEXT.partition("## Running an OpenSearch")[2].partition("\n## ")[0]
    named = re.findall(r"opensearch[-:](\d+\.\d+\.\d+)", recipe)
    assert len(named) == 3
    assert len(set(named)) == 1
    assert int(named[0].partition(".")[0]) >= OLDEST["OpenSearch"]
    search_server = (Path(__file__).parents[1] / "search_server.py").read_text()
    assert all(name in search_server for name in re.findall(r"TEST_ELASTICSEARCH_\w+", recipe))
