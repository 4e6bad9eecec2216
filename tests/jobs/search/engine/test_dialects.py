"""Where the products answer differently, or somebody in front of them does: their answers as each writes them."""

from collections.abc import Iterator
from typing import Any

import pytest

from jobs.search.engine.client import Engine
from jobs.search.engine.failures import EngineAway, EngineError, Nonsense, Refused
from jobs.search.engine.operations import Operation
from tests import fault_proxy
from tests.fault_proxy import FaultProxy, proxying


@pytest.fixture
def proxy() -> Iterator[FaultProxy]:
    with proxying("http://127.0.0.1:1") as running:
        yield running


@pytest.fixture
def engine(proxy: FaultProxy) -> Iterator[Engine]:
    made = Engine([proxy.url])
    yield made
    made.close()


def root(number: str, tagline: str = "You Know, for Search", **version: Any) -> dict[str, Any]:
    """Give what GET / answers."""
    about = {"number": number, "build_type": "tar", "build_snapshot": False, "lucene_version": "9.12.0", **version}
    return {"name": "n", "cluster_name": "c", "cluster_uuid": "u", "version": about, "tagline": tagline}


ELASTIC = {"X_Elastic_Product": "Elasticsearch"}
OPEN = "The OpenSearch Project: https://opensearch.org/"


@pytest.mark.parametrize(
    ("answer", "product"),
    [
        (root("8.0.0", build_flavor="default"), "Elasticsearch 8.0.0"),
        (root("8.19.4", build_flavor="default"), "Elasticsearch 8.19.4"),
        (root("9.2.1", build_flavor="default"), "Elasticsearch 9.2.1"),
        (root("2.0.0", OPEN, distribution="opensearch"), "OpenSearch 2.0.0"),
        (root("3.4.0", OPEN, distribution="opensearch"), "OpenSearch 3.4.0"),
        (root("10.0.0-SNAPSHOT", OPEN, distribution="opensearch"), "OpenSearch 10.0.0-SNAPSHOT"),
    ],
)
def test_products_say_who_they_are(engine: Engine, proxy: FaultProxy, answer: dict[str, Any], product: str) -> None:
    proxy.fail(fault_proxy.answers(200, answer, **ELASTIC))
    assert str(engine.info()) == product


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (root("7.17.9", build_flavor="default"), "it is Elasticsearch 7.17.9, and the oldest that will do is 8.0"),
        (
            root("1.3.20", OPEN, distribution="opensearch"),
            "it is OpenSearch 1.3.20, and the oldest that will do is 2.0",
        ),
        # An OpenSearch that is set to pass for an old Elasticsearch.
        (root("7.10.2", OPEN), "it is neither Elasticsearch nor OpenSearch"),
        (root("1.0.0", "Something else"), "it is neither Elasticsearch nor OpenSearch"),
    ],
)
def test_who_will_not_do_is_refused_in_one_sentence(
    engine: Engine, proxy: FaultProxy, answer: dict[str, Any], words: str
) -> None:
    proxy.fail(fault_proxy.answers(200, answer))
    with pytest.raises(Refused, match=words):
        engine.info()


@pytest.mark.parametrize(
    "answer", [{}, {"version": "8.0.0"}, {"version": {"number": 8}}, root("eight"), root("8"), root("8.0\n")]
)
def test_who_says_nothing_of_its_version_makes_no_sense(engine: Engine, proxy: FaultProxy, answer: Any) -> None:
    proxy.fail(fault_proxy.answers(200, answer))
    with pytest.raises(Nonsense):
        engine.info()


def item(status: int, kind: str, reason: str, **more: Any) -> dict[str, Any]:
    return {"_index": "a-000001", "_id": "1", "status": status, "error": {"type": kind, "reason": reason, **more}}


CONFLICT = "[1]: version conflict, current version [7] is higher than the one provided [6]"
FLOODED = "index [a-000001] blocked by: [TOO_MANY_REQUESTS/12/disk usage exceeded flood-stage watermark, …];"
UNPARSED = "[1:36] failed to parse field [priority] of type [long] in document with id '1'. Preview: 'many'"
NO_INDEX = "no such index [a-000001-writes] and [require_alias] request flag is [true] and it is not an alias"


@pytest.mark.parametrize(
    ("said", "verdict"),
    [
        ({"_id": "1", "status": 201, "result": "created", "_version": 1}, "done"),
        ({"_id": "1", "_type": "_doc", "status": 200, "result": "updated"}, "done"),
        (item(409, "version_conflict_engine_exception", CONFLICT, index="a-000001", shard="0"), "done"),
        # Elasticsearch from 8.8 on, and all others.
        (item(400, "document_parsing_exception", UNPARSED, caused_by={"reason": "For input string"}), "poisonous"),
        (item(400, "mapper_parsing_exception", UNPARSED, caused_by={"reason": "For input string"}), "poisonous"),
        (item(400, "strict_dynamic_mapping_exception", "[1:9] mapping set to strict"), "poisonous"),
        (item(400, "illegal_argument_exception", "Document contains at least one immense term"), "poisonous"),
        (item(429, "es_rejected_execution_exception", "rejected execution of coordinating operation"), "passing"),
        (item(429, "circuit_breaking_exception", "[parent] Data too large", durability="TRANSIENT"), "passing"),
        (item(429, "cluster_block_exception", FLOODED), "passing"),
        (item(403, "cluster_block_exception", "blocked by: [FORBIDDEN/8/index write (api)]"), "passing"),
        (item(403, "security_exception", "action [indices:data/write/bulk[s]] is unauthorized"), "passing"),
        (item(503, "unavailable_shards_exception", "primary shard is not active Timeout: [1m]"), "passing"),
        (item(500, "node_closed_exception", "node closed"), "passing"),
        (item(400, "index_closed_exception", "closed"), "passing"),
        (item(404, "index_not_found_exception", NO_INDEX), "index_gone"),
        ({"_id": "1", "status": 400, "error": "an old server's words"}, "poisonous"),
    ],
)
def test_what_becomes_of_an_item_is_one_of_four(
    engine: Engine, proxy: FaultProxy, said: dict[str, Any], verdict: str
) -> None:
    proxy.fail(fault_proxy.answers(200, {"took": 1, "errors": verdict != "done", "items": [{"index": said}]}))
    [result] = engine.bulk([Operation("a-000001", "1", 6, {"id": "1"})])
    verdicts = {name for name in ("done", "passing", "poisonous", "index_gone") if getattr(result, name)}
    assert verdicts == {verdict}
    assert bool(result.reason) == ("error" in said)


def says(kind: str, reason: str | None, **more: Any) -> dict[str, Any]:
    return {"error": {"type": kind, "reason": reason, **more}, "status": 0}


@pytest.mark.parametrize(
    ("status", "body", "error", "words"),
    [
        # OpenSearch's security plugin, in plain text; Elasticsearch's.
        (401, b"Unauthorized", Refused, "refused"),
        (401, says("security_exception", "missing authentication credentials"), Refused, "miss"),
        (403, says("security_exception", "no permissions for [search]"), Refused, "no p"),
        # A cloud's gateway.
        (403, {"Message": "User: anonymous is not authorized to perform: es:ESHttpPost"}, Refused, "refused"),
        (503, says("master_not_discovered_exception", None), EngineAway, "master not"),
        (503, says("cluster_manager_not_discovered_exception", None), EngineAway, "manager"),
        (504, b"upstream request timeout", EngineAway, "unavailable"),
        (429, says("circuit_breaking_exception", "[parent] Data too large"), EngineAway, "Data"),
        (500, says("y" * 100_000, "x" * 100_000), EngineAway, "x"),
        (400, says("e", "all shards failed", caused_by={"reason": "too many clauses"}), Refused, "too many"),
        (400, says("e", "all shards failed", root_cause=[{"reason": "of 10,000"}]), Refused, "failed: of 10,000"),
        (400, says("e", "failed", root_cause=[{"reason": "failed"}, 5]), Refused, "failed$"),
        (400, says("e", "failed", root_cause=["failed"], caused_by=[]), Refused, "failed$"),
        (400, says("e", "Preview of field's value: 'password=hunter2'"), Refused, "redacted"),
    ],
)
def test_every_way_to_say_no_is_understood(
    engine: Engine, proxy: FaultProxy, status: int, body: Any, error: type[EngineError], words: str
) -> None:
    proxy.fail(fault_proxy.answers(status, body))
    with pytest.raises(error, match=words) as raised:
        engine.search("a", {"query": {"match_all": {}}})
    assert raised.value.status == status
    assert len(str(raised.value)) < 700
    assert "hunter2" not in str(raised.value)


def test_nothing_but_what_all_versions_take_is_sent(engine: Engine, proxy: FaultProxy) -> None:
    """Both products have dropped types, and take JSON by its plain name."""
    proxy.fail(fault_proxy.error(400, "anything"))
    with pytest.raises(Refused):
        engine.search("a", {"query": {"match_all": {}}}, timeout=1)
    with pytest.raises(Refused):
        engine.bulk([Operation("a", "1", 1, {"n": 1}), Operation("a", "2", 1, None)])
    search, bulk = proxy.asked
    assert (search.path, search.headers["content-type"]) == (
        "/a/_search?allow_partial_search_results=false",
        "application/json",
    )
    assert search.body == b'{"timeout":"900ms","query":{"match_all":{}}}'
    assert (bulk.path, bulk.headers["content-type"]) == (
        "/_bulk?require_alias=true&timeout=10s",
        "application/x-ndjson",
    )
    assert bulk.body.splitlines() == [
        b'{"index":{"_index":"a-writes","_id":"1","version":1,"version_type":"external_gte"}}',
        b'{"n":1}',
        b'{"delete":{"_index":"a-writes","_id":"2","version":1,"version_type":"external_gte"}}',
    ]
