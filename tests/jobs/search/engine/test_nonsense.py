"""Whatever an engine answers and however it fails, callers see its answer, or an EngineError, in time."""

import random
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from jobs.search.engine.client import Engine
from jobs.search.engine.failures import EngineError
from jobs.search.engine.operations import Operation
from tests import fault_proxy
from tests.fault_proxy import FaultProxy, proxying
from tests.search_server import SearchServer

NAMES = (
    *("_shards", "failed", "hits", "total", "value", "relation", "_id", "items", "index", "status", "error", "type"),
    *("reason", "root_cause", "caused_by", "version", "number", "distribution", "tagline", "count", "aliases", "a"),
    *("mappings", "acknowledged", "aggregations", "buckets", "timed_out"),
)
LEAVES = (
    st.none()
    | st.booleans()
    | st.integers(-2, 600)
    | st.floats()
    | st.sampled_from(["a", "opensearch", "You Know, for Search", "8.0.0", "eq", "green", "", "\ud800"])
)
ANSWERS = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner), max_leaves=12
)
BODIES = ANSWERS | st.sampled_from([b"", b"{", b"[" * 100_000, b'{"a":' * 100_000, b"\xff\xfe", b"9" * 10_000, b"null"])
BODY: dict[str, Any] = {"query": {"match_all": {}}, "aggs": {"a": {"terms": {"field": "n"}}}}
CALLS: tuple[Callable[[Engine], Any], ...] = (
    Engine.info,
    lambda engine: engine.search("a", BODY),
    lambda engine: engine.bulk([Operation("a", "a", 1, {"n": 1}), Operation("a", "a", 1, None)]),
    lambda engine: engine.count("a"),
    lambda engine: engine.refresh("a"),
    lambda engine: engine.health("a"),
    lambda engine: engine.aliases("a"),
    lambda engine: engine.indexes("a"),
    lambda engine: engine.mapping("a"),
    lambda engine: engine.index_exists("a"),
    lambda engine: engine.create_index("a", {}),
    lambda engine: engine.delete_index("a"),
    lambda engine: engine.move_alias("a", "b", ["c"]),
    lambda engine: engine.change_settings("a", {}),
)


@pytest.fixture(scope="module")
def liar() -> Iterator[tuple[FaultProxy, Engine]]:
    with proxying("http://127.0.0.1:1") as proxy:
        engine = Engine([proxy.url])
        yield proxy, engine
        engine.close()


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(status=st.sampled_from([200, 200, 200, 201, 204, 302, 400, 403, 404, 408, 413, 429, 500, 503]), body=BODIES)
def test_no_lie_is_more_than_an_engine_error(liar: tuple[FaultProxy, Engine], status: int, body: Any) -> None:
    proxy, engine = liar
    proxy.heal()
    proxy.fail(fault_proxy.answers(status, b"" if status == 204 else body))
    for call in CALLS:
        try:
            call(engine)
        except EngineError as exc:
            assert len(str(exc)) < 2000


FAULTS = (
    *(fault_proxy.resets, fault_proxy.resets_afterwards, fault_proxy.truncates, fault_proxy.cuts_json),
    *(fault_proxy.unavailable, fault_proxy.red, fault_proxy.partial, fault_proxy.rate_limited("1")),
    *(fault_proxy.read_only, fault_proxy.slow(0.05), fault_proxy.error(500, "null_pointer_exception")),
)


def test_in_a_storm_of_faults_no_answer_is_wrong_and_nothing_that_is_done_is_lost(search_engine: SearchServer) -> None:
    chance = random.Random(7)
    name = search_engine.new_index()
    search_engine.engine.create_index(name, {"mappings": {"properties": {"n": {"type": "long"}}}})
    done = dict.fromkeys("abcd", 0)
    began, failures = time.monotonic(), 0
    with ExitStack() as stack:
        proxies = [stack.enter_context(proxying(search_engine.url)) for _ in range(2)]
        engine = Engine([proxy.url for proxy in proxies])
        stack.callback(engine.close)
        for version in range(1, 121):
            for proxy in proxies:
                proxy.heal()
                if chance.random() < 0.6:
                    proxy.fail(chance.choice(FAULTS), times=chance.randint(1, 3))
            id = chance.choice("abcd")
            try:
                [result] = engine.bulk([Operation(name, id, version, {"n": version})])
                assert result.done or result.passing
                done[id] = version if result.done else done[id]
                engine.refresh(name)
                for hit in engine.search(name, {"query": {"match_all": {}}})["hits"]["hits"]:
                    assert done[hit["_id"]] <= hit["_source"]["n"] <= version
            except EngineError:
                failures += 1
    search_engine.engine.refresh(name)
    found = search_engine.engine.search(name, {"query": {"match_all": {}}})["hits"]["hits"]
    assert {hit["_id"]: hit["_source"]["n"] for hit in found}.keys() >= {id for id, version in done.items() if version}
    assert all(hit["_source"]["n"] >= done[hit["_id"]] for hit in found)
    assert 0 < failures < 120
    assert time.monotonic() - began < 60
