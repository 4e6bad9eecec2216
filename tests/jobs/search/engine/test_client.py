"""The client against an engine that fails: what it makes of every bad answer, and what it asks again."""

import gzip
import threading
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest
from django.test import override_settings

from jobs.search.engine import link
from jobs.search.engine.client import Engine
from jobs.search.engine.failures import EngineAway, EngineError, Nonsense, NotFound, Refused, TooLarge
from jobs.search.engine.operations import Operation
from tests import fault_proxy
from tests.fault_proxy import FaultProxy
from tests.search_server import SearchServer

BODY = {"mappings": {"dynamic": "strict", "properties": {"n": {"type": "long"}}}}
ALL: dict[str, Any] = {"query": {"match_all": {}}, "track_total_hits": True}


@pytest.fixture
def index(search_engine: SearchServer) -> str:
    name = search_engine.new_index()
    search_engine.engine.create_index(name, BODY)
    search_engine.engine.bulk([Operation(name, "a", 1, {"n": 1})])
    search_engine.engine.refresh(name)
    return name


@pytest.fixture
def engine(faulty_engine: FaultProxy, index: str) -> Engine:
    found = link.engine()
    assert found is not None
    return found


def test_an_answer_that_does_not_come_within_the_time_is_a_time_out(
    engine: Engine, index: str, faulty_engine: FaultProxy
) -> None:
    faulty_engine.fail(fault_proxy.dawdles)
    with pytest.raises(EngineAway) as raised:
        engine.search(index, ALL, timeout=0.1)
    assert (raised.value.status, raised.value.kind) == (0, "timeout")


def test_headers_without_an_end_do_not_hold_the_caller(engine: Engine, index: str, faulty_engine: FaultProxy) -> None:
    faulty_engine.fail(fault_proxy.drips)
    with pytest.raises(EngineAway) as raised:
        engine.search(index, ALL, timeout=0.2)
    assert raised.value.kind == "timeout"


def test_a_refused_connection_is_away_and_later_it_is_reached_again(
    engine: Engine, index: str, faulty_engine: FaultProxy
) -> None:
    engine.search(index, ALL)
    with faulty_engine.refusing(), pytest.raises(EngineAway) as raised:
        engine.search(index, ALL)
    assert raised.value.kind == "connection"
    assert engine.search(index, ALL)["hits"]["total"]["value"] == 1


def test_a_connection_that_was_closed_while_nobody_used_it_is_no_failure(
    engine: Engine, index: str, faulty_engine: FaultProxy
) -> None:
    engine.search(index, ALL)
    faulty_engine.fail(fault_proxy.resets, times=1)
    assert engine.search(index, ALL)["hits"]["total"]["value"] == 1


@pytest.mark.parametrize("fault", [fault_proxy.truncates, fault_proxy.cuts_json, fault_proxy.answers(200, b"<html>")])
def test_an_answer_that_is_cut_off_or_no_json_is_nonsense(
    engine: Engine, index: str, faulty_engine: FaultProxy, fault: fault_proxy.Fault
) -> None:
    faulty_engine.fail(fault)
    with pytest.raises(Nonsense):
        engine.search(index, ALL)
    with pytest.raises(Nonsense):
        engine.bulk([Operation(index, "a", 1, {"n": 1})])


@pytest.mark.parametrize(
    "lie",
    [
        [],
        {},
        {"hits": {"hits": []}},
        {"_shards": {"failed": 0}, "hits": {"hits": {}}},
        {"_shards": {"failed": 0}, "hits": {"hits": [{"_id": 5}]}},
        {"_shards": {"failed": 0}, "hits": {"hits": ["a"]}},
        {"_shards": {"failed": 0}, "hits": {"hits": [], "total": "many"}},
        {"_shards": {"failed": True}, "hits": {"hits": []}},
        {"_shards": {"failed": 0}, "hits": {"hits": []}, "aggregations": {"other": {}}},
    ],
)
def test_a_search_that_is_answered_with_another_shape_is_nonsense(
    engine: Engine, index: str, faulty_engine: FaultProxy, lie: Any
) -> None:
    faulty_engine.fail(fault_proxy.answers(200, lie))
    with pytest.raises(Nonsense):
        engine.search(index, ALL | {"aggs": {"ns": {"terms": {"field": "n"}}}})


def test_a_total_that_is_a_bare_number_is_read_as_one(engine: Engine, index: str, faulty_engine: FaultProxy) -> None:
    faulty_engine.fail(fault_proxy.answers(200, {"_shards": {"failed": 0}, "hits": {"hits": [], "total": 7}}))
    assert engine.search(index, ALL)["hits"]["total"] == {"value": 7, "relation": "eq"}


def _without_items(found: Any) -> Any:
    return found | {"items": []}


def _of_others(found: Any) -> Any:
    return found | {"items": [{"index": {"_id": "other", "status": 200}}]}


def _of_other_verbs(found: Any) -> Any:
    return found | {"items": [{"create": {"_id": "a", "status": 200}}]}


def _without_status(found: Any) -> Any:
    return found | {"items": [{"index": {"_id": "a", "status": "200"}}]}


@pytest.mark.parametrize("lie", [_without_items, _of_others, _of_other_verbs, _without_status])
def test_a_bulk_that_is_answered_for_other_documents_is_nonsense(
    engine: Engine, index: str, faulty_engine: FaultProxy, lie: Any
) -> None:
    faulty_engine.fail(fault_proxy.changes(lie))
    with pytest.raises(Nonsense):
        engine.bulk([Operation(index, "a", 1, {"n": 1})])


@pytest.mark.parametrize("fault", [fault_proxy.partial, fault_proxy.timed_out])
def test_what_only_some_shards_say_is_no_answer(
    engine: Engine, index: str, faulty_engine: FaultProxy, fault: fault_proxy.Fault
) -> None:
    faulty_engine.fail(fault)
    for ask in (lambda: engine.search(index, ALL), lambda: engine.count(index)):
        with pytest.raises(EngineAway) as raised:
            ask()
        assert raised.value.kind == "partial"


def test_an_answer_of_any_size_does_not_fill_the_memory(
    engine: Engine, index: str, faulty_engine: FaultProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("jobs.search.engine.hosts.MOST_BYTES", 100_000)
    bomb = gzip.compress(b" " * 10_000_000)
    for fault in (fault_proxy.answers(200, b" " * 100_001), fault_proxy.answers(200, bomb, Content_Encoding="gzip")):
        faulty_engine.heal()
        faulty_engine.fail(fault)
        with pytest.raises(Nonsense) as raised:
            engine.search(index, ALL)
        assert raised.value.kind == "too_large"


@pytest.mark.parametrize("as_date", [False, True])
def test_who_asks_for_fewer_requests_says_for_how_long(
    engine: Engine, index: str, faulty_engine: FaultProxy, as_date: bool
) -> None:
    moment = datetime.now(UTC) + timedelta(seconds=100)
    faulty_engine.fail(fault_proxy.rate_limited(format_datetime(moment, usegmt=True) if as_date else "100"))
    with pytest.raises(EngineAway) as raised:
        engine.search(index, ALL)
    assert raised.value.status == 429
    assert raised.value.retry_after is not None
    assert 1 < raised.value.retry_after <= 100
    assert faulty_engine.count("POST", "_search") == 1


@pytest.mark.parametrize(
    ("fault", "error", "kind"),
    [
        (fault_proxy.rate_limited(), EngineAway, "es_rejected_execution_exception"),
        (fault_proxy.rate_limited("soon"), EngineAway, "es_rejected_execution_exception"),
        (fault_proxy.unavailable, EngineAway, "unavailable"),
        (fault_proxy.red, EngineAway, "search_phase_execution_exception"),
        (fault_proxy.too_large, TooLarge, "too_large"),
        (fault_proxy.error(404, "index_not_found_exception"), NotFound, "index_not_found_exception"),
        (fault_proxy.answers(404, {"error": "alias [x] missing", "status": 404}), NotFound, "not_found"),
        (fault_proxy.error(400, "parsing_exception"), Refused, "parsing_exception"),
        (fault_proxy.error(401, "security_exception"), Refused, "security_exception"),
        (fault_proxy.error(403, "cluster_block_exception"), EngineAway, "cluster_block_exception"),
        (fault_proxy.answers(302, b"", Location="http://127.0.0.1:1/"), Nonsense, "redirect"),
        (fault_proxy.answers(500, {"error": {"type": 5, "reason": ["x"]}}), EngineAway, "unavailable"),
    ],
)
def test_each_bad_answer_is_the_error_that_says_what_it_means(
    engine: Engine, index: str, faulty_engine: FaultProxy, fault: fault_proxy.Fault, error: type[EngineError], kind: str
) -> None:
    faulty_engine.fail(fault)
    with pytest.raises(error) as raised:
        engine.search(index, ALL)
    assert type(raised.value) is error
    assert raised.value.kind == kind


def test_a_read_only_index_refuses_each_document_for_now_and_is_still_searched(
    engine: Engine, index: str, faulty_engine: FaultProxy
) -> None:
    faulty_engine.fail(fault_proxy.read_only)
    [written, deleted] = engine.bulk([Operation(index, "a", 2, {"n": 2}), Operation(index, "b", 2, None)])
    assert written.error_type == deleted.error_type == "cluster_block_exception"
    assert written.passing
    assert not written.poisonous
    with pytest.raises(EngineAway):
        engine.create_index(f"{index}x", BODY)
    assert engine.search(index, ALL)["hits"]["total"]["value"] == 1


def test_a_bulk_whose_answer_was_lost_is_sent_again_and_changes_nothing(
    engine: Engine, search_engine: SearchServer, index: str, faulty_engine: FaultProxy
) -> None:
    engine.search(index, ALL)  # so that a connection is kept, which the first try uses
    faulty_engine.fail(fault_proxy.resets_afterwards, path="_bulk", times=1)
    [result] = engine.bulk([Operation(index, "a", 5, {"n": 5})])
    assert result.done
    assert faulty_engine.count("POST", "_bulk") == 2
    search_engine.engine.refresh(index)
    [hit] = engine.search(index, ALL | {"version": True})["hits"]["hits"]
    assert (hit["_version"], hit["_source"]) == (5, {"n": 5})


def test_an_index_is_not_made_twice_when_the_answer_was_lost(
    engine: Engine, index: str, faulty_engine: FaultProxy
) -> None:
    engine.search(index, ALL)
    faulty_engine.fail(fault_proxy.resets_afterwards, method="PUT")
    with pytest.raises(EngineAway):
        engine.create_index(f"{index}x", BODY)
    assert faulty_engine.count("PUT") == 1
    faulty_engine.heal()
    assert engine.index_exists(f"{index}x")
    with pytest.raises(Refused) as raised:
        engine.create_index(f"{index}x", BODY)
    assert raised.value.kind == "resource_already_exists_exception"


def test_moving_an_alias_again_after_its_answer_was_lost_does_no_harm(
    engine: Engine, index: str, search_engine: SearchServer, faulty_engine: FaultProxy
) -> None:
    alias = search_engine.alias
    faulty_engine.fail(fault_proxy.resets_afterwards, path="/_aliases")
    with pytest.raises(EngineAway):
        engine.move_alias(alias, index)
    faulty_engine.heal()
    engine.move_alias(alias, index, ["gone"])
    assert engine.aliases(alias) == [index]
    assert faulty_engine.count("POST", "/_aliases") == 1


def test_a_large_bulk_travels_compressed_and_a_small_one_does_not(
    engine: Engine, index: str, faulty_engine: FaultProxy
) -> None:
    engine.bulk([Operation(index, "a", 1, {"n": 1})])
    results = engine.bulk([Operation(index, f"{n:040}", 1, {"n": n}) for n in range(1000)])
    assert {result.status for result in results} == {201}
    small, large = [asked for asked in faulty_engine.asked if "_bulk" in asked.path]
    assert "content-encoding" not in small.headers
    assert large.headers["content-encoding"] == "gzip"
    assert len(large.body) < 50_000


def test_threads_share_a_client(engine: Engine, index: str, faulty_engine: FaultProxy) -> None:
    totals: list[int] = []

    def ask() -> None:
        totals.extend(engine.search(index, ALL)["hits"]["total"]["value"] for _ in range(10))

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert totals == [1] * 80


@pytest.mark.parametrize("name", ["", "*", "_all", "a,b", "a*", "../a", "A"])
def test_a_pattern_is_no_name_of_an_index(engine: Engine, name: str) -> None:
    with pytest.raises(ValueError, match="no name of an index"):
        engine.delete_index(name)


def test_without_an_address_there_is_no_engine() -> None:
    with override_settings(ELASTICSEARCH_URLS=[]):
        assert link.engine() is None
        assert link.circuit() is None


def test_a_process_has_one_client_until_the_settings_change() -> None:
    with override_settings(ELASTICSEARCH_URLS=["http://127.0.0.1:1"]):
        first = link.engine()
        assert link.engine() is first
        assert link.circuit() is link.circuit()
    with override_settings(ELASTICSEARCH_URLS=["http://127.0.0.1:2"]):
        assert link.engine() is not first
    link.forget()
