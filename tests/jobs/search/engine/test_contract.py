"""What Ekiden relies on of a search engine: osmem-server here, and any real one that TEST_ELASTICSEARCH_URL names."""

import threading
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from jobs.search.encoding import entry, pairs, prefix
from jobs.search.engine.client import Engine
from jobs.search.engine.failures import NotFound, Refused
from jobs.search.engine.operations import ItemResult, Operation
from jobs.search.engine.products import OLDEST
from jobs.search.mapping import MAPPING_VERSION, METADATA, TEXT, index_body
from tests.search_server import GIVEN, SearchServer

ANY: dict[str, Any] = {"match_all": {}}
#: A moment of the year 2255: osmem-server takes numbers for floats, which are exact up to there; the products go on.
MICROS = 9_223_372_036_854_775_000 if GIVEN else 9_007_199_254_740_000


class Index:
    """An index with our mapping, and what tests do with it."""

    def __init__(self, engine: Engine, name: str) -> None:
        self.engine, self.name = engine, name
        engine.create_index(name, index_body())

    def write(self, documents: dict[str, dict[str, Any] | None], version: int = 1) -> list[ItemResult]:
        results = self.engine.bulk([Operation(self.name, id, version, each) for id, each in documents.items()])
        self.engine.refresh(self.name)
        return results

    def hits(self, query: dict[str, Any], **body: Any) -> list[dict[str, Any]]:
        asked = {"query": {"bool": {"filter": [query]}}, "sort": [{"id": "asc"}], "size": 100, **body}
        found: list[dict[str, Any]] = self.engine.search(self.name, asked)["hits"]["hits"]
        return found

    def ids(self, query: dict[str, Any]) -> str:
        """Give the ids of all hits, one letter each."""
        return "".join(hit["_id"] for hit in self.hits(query))

    def version(self, id: str) -> int | None:
        found = self.hits({"term": {"id": id}}, version=True)
        return found[0]["_version"] if found else None


@pytest.fixture
def index(search_engine: SearchServer) -> Index:
    return Index(search_engine.engine, search_engine.new_index())


@pytest.fixture
def engine(search_engine: SearchServer) -> Engine:
    return search_engine.engine


def documents(name: str, *values: Any) -> dict[str, dict[str, Any] | None]:
    """Give documents a, b, … with one of the values each; None is left out."""
    ids = "abcdefghijklmnop"[: len(values)]
    return {id: {"id": id, **({} if value is None else {name: value})} for id, value in zip(ids, values, strict=True)}


# The engine and its indexes


def test_it_is_a_product_that_will_do(engine: Engine) -> None:
    product = engine.info()
    assert product.name in OLDEST
    assert int(product.version.partition(".")[0]) >= OLDEST[product.name]


def test_an_index_is_made_once_with_our_mapping(engine: Engine, index: Index) -> None:
    assert engine.index_exists(index.name)
    mapping = engine.mapping(index.name)
    assert mapping["_meta"] == {"version": MAPPING_VERSION}
    assert mapping["dynamic"] == "strict"
    assert engine.health(index.name) in {"green", "yellow"}
    assert engine.count(index.name) == 0
    with pytest.raises(Refused) as raised:
        engine.create_index(index.name, index_body())
    assert raised.value.kind == "resource_already_exists_exception"


def test_indexes_are_listed_by_the_beginning_of_their_names(search_engine: SearchServer, index: Index) -> None:
    other = Index(search_engine.engine, search_engine.new_index(2))
    assert search_engine.engine.indexes(f"{search_engine.alias}-") == [index.name, other.name]
    assert search_engine.engine.indexes("none-is-called-so") == []


def test_an_index_that_is_gone_is_not_there_for_anybody(engine: Engine, index: Index) -> None:
    engine.delete_index(index.name)
    engine.delete_index(index.name)
    assert not engine.index_exists(index.name)
    assert engine.health(index.name) == "red"
    for ask in (engine.count, engine.refresh, engine.mapping, lambda name: engine.search(name, {"query": ANY})):
        with pytest.raises(NotFound):
            ask(index.name)


def test_settings_of_an_index_change_while_it_is_there(engine: Engine, index: Index) -> None:
    engine.change_settings(index.name, {"refresh_interval": "-1", "auto_expand_replicas": "false"})
    engine.change_settings(index.name, {"refresh_interval": "1s", "auto_expand_replicas": "0-1"})
    with pytest.raises(Refused):
        engine.change_settings(index.name, {"number_of_shards": 3})


def test_an_alias_moves_without_a_moment_in_between(search_engine: SearchServer, index: Index) -> None:
    engine, alias = search_engine.engine, search_engine.alias
    other = Index(engine, search_engine.new_index(2))
    for each in (index, other):
        each.write({"a": {"id": "a"}})
    assert engine.aliases(alias) == []
    engine.move_alias(alias, index.name)
    over, totals = threading.Event(), set()

    def ask() -> None:
        while not over.is_set():
            totals.add(engine.search(alias, {"query": ANY, "track_total_hits": True})["hits"]["total"]["value"])

    thread = threading.Thread(target=ask)
    thread.start()
    try:
        for _ in range(10):
            engine.move_alias(alias, other.name, [index.name])
            engine.move_alias(alias, index.name, [other.name, "never-was"])
    finally:
        over.set()
        thread.join()
    assert totals == {1}
    assert engine.aliases(alias) == [index.name]


def test_searching_an_alias_that_leads_nowhere_is_not_found(search_engine: SearchServer) -> None:
    with pytest.raises(NotFound):
        search_engine.engine.search(search_engine.alias, {"query": ANY})


# Writing


def test_a_later_version_wins_and_the_same_may_be_written_again(index: Index) -> None:
    for version, status in ((5, 201), (5, 200), (7, 200), (6, 409), (5, 409), (7, 200)):
        [result] = index.write({"a": {"id": "a", "version": version}}, version)
        assert (result.status, result.done, result.poisonous) == (status, True, False)
    assert index.version("a") == 7


def test_who_was_deleted_does_not_come_back_by_a_late_write(index: Index) -> None:
    index.write({"a": {"id": "a"}}, 3)
    [result] = index.write({"a": None}, 4)
    assert (result.status, result.done) == (200, True)
    [result] = index.write({"a": {"id": "a"}}, 3)
    assert (result.status, result.done) == (409, True)
    assert index.ids(ANY) == ""
    [result] = index.write({"a": {"id": "a"}}, 5)
    assert result.done
    assert index.version("a") == 5


def test_deleting_who_is_not_there_is_as_good_and_is_remembered(index: Index) -> None:
    [result] = index.write({"a": None}, 4)
    assert (result.status, result.done, result.index_gone) == (404, True, False)
    [result] = index.write({"a": {"id": "a"}}, 3)
    assert result.status == 409


def test_a_late_delete_does_not_undo_a_later_write(index: Index) -> None:
    index.write({"a": {"id": "a"}}, 5)
    [result] = index.write({"a": None}, 4)
    assert (result.status, result.done) == (409, True)
    assert index.version("a") == 5


def test_a_document_that_is_refused_does_not_hold_up_the_others(index: Index) -> None:
    results = index.write(
        {
            "a": {"id": "a"},
            "b": {"id": "b", "unheard_of": 1},
            "c": {"id": "c", "priority": "many"},
            "d": {"id": "d", "tags": ["x" * 40_000]},
            "e": {"id": "e", "created_at": 2**63},
            "f": {"id": "f"},
        }
    )
    assert [result.id for result in results] == list("abcdef")
    assert [result.poisonous for result in results] == [False, True, True, False, True, False]
    assert all(result.reason for result in results if result.poisonous)
    assert index.ids(ANY) == "adf"
    assert index.ids({"exists": {"field": "tags"}}) == ""


def test_one_request_writes_to_two_indexes(search_engine: SearchServer, index: Index) -> None:
    other = Index(search_engine.engine, search_engine.new_index(2))
    both = [Operation(each.name, "a", 1, {"id": "a"}) for each in (index, other)]
    assert [result.index for result in search_engine.engine.bulk(both)] == [index.name, other.name]
    for each in (index, other):
        search_engine.engine.refresh(each.name)
        assert each.ids(ANY) == "a"


def test_an_index_that_takes_no_writes_refuses_them_for_now(engine: Engine, index: Index) -> None:
    index.write({"a": {"id": "a"}})
    engine.change_settings(index.name, {"blocks.write": True})
    results = engine.bulk([Operation(index.name, "a", 2, {"id": "a"}), Operation(index.name, "a", 3, None)])
    assert [(result.passing, result.poisonous) for result in results] == [(True, False)] * 2
    assert index.version("a") == 1
    engine.change_settings(index.name, {"blocks.write": False})
    assert index.write({"a": {"id": "a"}}, 2)[0].done


def test_an_index_can_be_made_anew_where_a_deletion_came_too_late(engine: Engine, index: Index) -> None:
    """For a deletion with a version an engine may make an index, in whose place the new one wants its alias."""
    engine.delete_index(index.name)
    engine.bulk([Operation(index.name, "a", 2, None)])
    engine.create_index(index.name, index_body())
    index.write({"a": {"id": "a"}})
    assert index.ids(ANY) == "a"


@pytest.mark.skipif(not GIVEN, reason="not for osmem-server, which makes an index where require_alias forbids it")
def test_writing_to_an_index_that_is_gone_makes_no_new_one(engine: Engine, index: Index) -> None:
    engine.delete_index(index.name)
    [result] = engine.bulk([Operation(index.name, "a", 1, {"id": "a"})])
    assert result.index_gone
    assert engine.indexes(index.name) == []
    # What a deletion makes in place of the alias takes no documents either.
    engine.bulk([Operation(index.name, "a", 2, None)])
    [result] = engine.bulk([Operation(index.name, "a", 3, {"id": "a"})])
    assert result.index_gone
    assert not engine.index_exists(index.name)


def test_texts_are_not_given_back_and_all_else_is(index: Index) -> None:
    index.write({"a": {"id": "a", "priority": 7, TEXT: ["ab bc"], "error_message": "ab", "tags": ["x"]}})
    [hit] = index.hits(ANY)
    assert hit["_source"] == {"id": "a", "priority": 7, "tags": ["x"]}
    [hit] = index.hits(ANY, _source=False)
    assert "_source" not in hit


# Finding


def test_hits_are_walked_in_order_without_a_gap_both_ways(index: Index) -> None:
    index.write({str(UUID(int=n)): {"id": str(UUID(int=n)), "created_at": MICROS + n // 3} for n in range(40)})
    for order in ("asc", "desc"):
        sort = [{"created_at": {"order": order}}, {"id": {"order": order}}]
        seen: list[Any] = []
        body: dict[str, Any] = {}
        while page := index.hits(ANY, sort=sort, size=7, _source=False, track_total_hits=False, **body):
            seen += [hit["sort"] for hit in page]
            body = {"search_after": page[-1]["sort"]}
        wanted = [[MICROS + n // 3, str(UUID(int=n))] for n in range(40)]
        assert seen == (wanted if order == "asc" else wanted[::-1])


def test_hits_are_counted_exactly_or_up_to_a_limit(index: Index) -> None:
    index.write(documents("priority", *range(9)))
    for limit, total in ((True, (9, "eq")), (9, (9, "eq")), (5, (5, "gte"))):
        answer = index.engine.search(index.name, {"query": ANY, "size": 0, "track_total_hits": limit})
        assert tuple(answer["hits"]["total"][name] for name in ("value", "relation")) == total
    answer = index.engine.search(index.name, {"query": ANY, "size": 0, "track_total_hits": False})
    assert "total" not in answer["hits"]
    assert index.engine.count(index.name) == 9


def test_more_than_its_window_is_refused(index: Index) -> None:
    with pytest.raises(Refused):
        index.hits(ANY, size=10_001)


def test_values_are_counted_beside_the_hits(index: Index) -> None:
    index.write(documents("arch", "arm64", "arm64", "amd64", None, "riscv64"))
    index.write({"t": {"id": "t", "tags": ["x", "y"], "priority": 5}, "u": {"id": "u", "tags": ["x"], "priority": 5}})
    aggregations = {name: {"terms": {"field": name, "size": 2}} for name in ("arch", "tags", "priority", "queue")}
    answer = index.engine.search(index.name, {"query": ANY, "size": 0, "aggs": aggregations})["aggregations"]
    counted = {name: {each["key"]: each["doc_count"] for each in answer[name]["buckets"]} for name in aggregations}
    assert counted == {"arch": {"arm64": 2, "amd64": 1}, "tags": {"x": 2, "y": 1}, "priority": {5: 2}, "queue": {}}
    assert answer["arch"]["sum_other_doc_count"] == 1


NAMES = ("build 7", "build 70", "Build 7", "", None, "bu*ld", "é", "\uffee", "\U0001f600")


@pytest.fixture
def names(index: Index) -> Index:
    index.write(documents("hostname", *NAMES))
    return index


@pytest.mark.parametrize(
    ("query", "ids"),
    [
        ({"terms": {"hostname": ["build 7"]}}, "a"),
        ({"terms": {"hostname": ["build 7", "é", "nowhere"]}}, "ag"),
        ({"prefix": {"hostname": {"value": "build"}}}, "ab"),
        ({"prefix": {"hostname": {"value": "bu*"}}}, "f"),
        ({"wildcard": {"hostname": {"value": "bu*7*"}}}, "ab"),
        ({"wildcard": {"hostname": {"value": "build ?"}}}, "a"),
        ({"wildcard": {"hostname": {"value": "?"}}}, "ghi"),
        ({"wildcard": {"hostname": {"value": "bu\\*ld"}}}, "f"),
        ({"fuzzy": {"hostname": {"value": "biuld 7", "fuzziness": 1, "transpositions": True}}}, "a"),
        ({"fuzzy": {"hostname": {"value": "biuld 7", "fuzziness": 2, "max_expansions": 1000}}}, "abc"),
        ({"exists": {"field": "hostname"}}, "abcdfghi"),
        ({"range": {"hostname": {"gte": "build 7"}}}, "abghi"),
        ({"range": {"hostname": {"gt": "build 7", "lt": "é"}}}, "b"),
        # By code points: an emoji comes behind what UTF-16 would put behind it.
        ({"range": {"hostname": {"gt": "\uffee"}}}, "i"),
        ({"range": {"hostname": {"lt": "\U0001f600", "gte": "é"}}}, "gh"),
        ({"bool": {"must_not": [{"terms": {"hostname": ["build 7"]}}]}}, "bcdefghi"),
        ({"match_none": {}}, ""),
        ({"terms": {"never_mapped": ["x"]}}, ""),
    ],
)
def test_whole_texts_are_asked_for_as_they_are(names: Index, query: dict[str, Any], ids: str) -> None:
    found = names.ids(query)
    # An empty text is a value to the engine; documents leave it out, so that it need not agree with anybody.
    assert found.replace("d", "") == ids.replace("d", "")


def test_numbers_are_exact(index: Index) -> None:
    index.write(documents("created_at", MICROS - 1, MICROS, MICROS + 1, -5, None))
    assert index.ids({"terms": {"created_at": [str(MICROS)]}}) == "b"
    assert index.ids({"range": {"created_at": {"gt": MICROS - 1, "lte": MICROS + 1}}}) == "bc"
    assert index.ids({"range": {"created_at": {"gte": -(2**63), "lte": 2**63 - 1}}}) == "abcd"
    assert index.ids({"range": {"created_at": {"lt": "0"}}}) == "d"
    assert index.ids({"exists": {"field": "created_at"}}) == "abcd"


def test_truths_are_asked_for(index: Index) -> None:
    index.write(documents("is_deleted", True, False, None))
    assert [index.ids({"terms": {"is_deleted": [value]}}) for value in (True, False)] == ["a", "b"]


def test_one_of_several_values_is_enough_and_none_is_no_value(index: Index) -> None:
    index.write(documents("tags", ["x", "yy"], ["y"], [], None))
    assert index.ids({"terms": {"tags": ["y"]}}) == "b"
    assert index.ids({"prefix": {"tags": {"value": "y"}}}) == "ab"
    # Both bounds are of one and the same value.
    assert index.ids({"range": {"tags": {"gt": "x", "lt": "y"}}}) == ""
    assert index.ids({"exists": {"field": "tags"}}) == "ab"


def test_pieces_of_texts_are_phrases_of_their_pairs(index: Index) -> None:
    texts = ("Connection reset by peer", "reset", "onn", "Connec tion", "a + (b) AND \\ \" 'ß", None, "日本語のテスト")
    index.write(documents("error_message", *(None if text is None else pairs(text) for text in texts)))

    def holding(piece: str) -> str:
        return index.ids({"match_phrase": {"error_message": {"query": pairs(piece)}}})

    pieces = {
        "connection": "a",
        "ONNEC": "ad",
        "on": "acd",
        "t by p": "a",
        "reset": "ab",
        "b reset": "",
        "(b) and \\": "e",
    }
    assert {piece: holding(piece) for piece in pieces} == pieces
    assert holding("本語の") == "g"
    assert holding("本のテ") == ""


def test_a_phrase_does_not_reach_from_one_value_into_the_next(index: Index) -> None:
    index.write(documents(TEXT, [pairs("abc"), pairs("cde")], [pairs("abcde")]))
    assert index.ids({"match_phrase": {TEXT: {"query": pairs("bcd")}}}) == "b"
    assert index.ids({"match_phrase": {TEXT: {"query": pairs("cde")}}}) == "ab"


def test_a_phrase_of_the_longest_value_is_found(index: Index) -> None:
    text = "".join(chr(97 + n * n % 23) for n in range(1000))
    index.write(documents("error_message", pairs(text), pairs(text[:-1])))
    assert index.ids({"match_phrase": {"error_message": {"query": pairs(text)}}}) == "a"


def test_entries_of_metadata_are_compared_by_their_type(index: Index) -> None:
    cores = ("cpuCores",)
    values = (Decimal(4), Decimal("4.5"), Decimal(-3), Decimal(100), "4", True)
    index.write(documents(METADATA, *([entry(cores, value), entry(("other",), "x" * 1001)] for value in values)))
    assert index.ids({"terms": {METADATA: [entry(cores, Decimal("4.0")), entry(cores, "4")]}}) == "ae"
    bounds = {"gte": entry(cores, Decimal(4)), "lte": entry(cores, Decimal(100))}
    assert index.ids({"range": {METADATA: bounds}}) == "abd"
    assert index.ids({"prefix": {METADATA: {"value": prefix("n", cores)}}}) == "abcd"
    assert index.ids({"wildcard": {METADATA: {"value": prefix("s", cores) + "*4"}}}) == "e"


def test_the_largest_query_that_the_language_allows_is_answered(names: Index) -> None:
    clauses = [{"wildcard": {"hostname": {"value": f"*{n}*"}}} for n in range(64)]
    assert names.ids({"bool": {"should": clauses, "minimum_should_match": 1}}) == "abc"
    query: dict[str, Any] = {"terms": {"hostname": ["é"]}}
    for _ in range(16):
        query = {"bool": {"must_not": [{"bool": {"must_not": [query]}}]}}
    assert names.ids(query) == "g"
    assert names.ids({"terms": {"id": [str(UUID(int=n)) for n in range(1000)] + ["a"]}}) == "a"


def test_what_is_no_query_is_refused(index: Index) -> None:
    wrongs: list[dict[str, Any]] = [
        {"matches": {}},
        {"range": {"created_at": {"gte": "yesterday"}}},
        {"terms": {"priority": ["high"]}},
    ]
    for wrong in wrongs:
        with pytest.raises(Refused) as raised:
            index.hits(wrong)
        assert raised.value.reason
