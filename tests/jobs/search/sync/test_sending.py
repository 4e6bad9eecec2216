"""What becomes of changes that are sent: taken, refused for good, or to be sent again; and none holds up another."""

import gzip
import json
import threading
from uuid import UUID

import pytest

from jobs.search.engine import link
from jobs.search.engine.failures import EngineAway, NotFound
from jobs.search.mapping import index_body
from jobs.search.sync import sending
from jobs.search.sync.sending import Change, send
from tests.fault_proxy import answers, error, rate_limited, resets, resets_afterwards, unavailable


class Unhurried(threading.Event):
    """Remembers how long it was waited for, and comes back at once."""

    def __init__(self):
        super().__init__()
        self.pauses = []

    def wait(self, timeout=None):
        self.pauses.append(timeout)
        return self.is_set()


@pytest.fixture
def index(search_engine):
    search_engine.engine.create_index(search_engine.new_index(), index_body())
    return search_engine.new_index()


def change(number, version=1, **document):
    return Change(UUID(int=number), version, {"id": str(UUID(int=number)), "version": version, **document})


def some(count):
    return [change(number) for number in range(1, count + 1)]


def poison(number):
    return change(number, nonsense="the mapping knows of no such field")


def sent(index, changes, **options):
    return send(link.engine(), [index], changes, ended=Unhurried(), **options)


def there(server, index):
    server.engine.refresh(index)
    hits = server.engine.search(index, {"size": 1000, "version": True})["hits"]["hits"]
    return {UUID(hit["_id"]).int: hit["_version"] for hit in hits}


def body(asked):
    plain = gzip.decompress(asked.body) if asked.headers.get("content-encoding") == "gzip" else asked.body
    return plain


def test_all_that_is_taken_is_told(search_engine, index):
    outcomes = sent(index, some(3))
    assert outcomes.complete and not outcomes.rejected
    assert outcomes.sent == {UUID(int=number): 1 for number in (1, 2, 3)}
    assert there(search_engine, index) == {1: 1, 2: 1, 3: 1}


def test_an_older_version_counts_as_sent_and_changes_nothing(search_engine, index):
    sent(index, [change(1, version=5)])
    assert sent(index, [change(1, version=4)]).sent == {UUID(int=1): 4}
    assert there(search_engine, index) == {1: 5}


def test_a_deletion_is_done_once_or_twice_and_lasts(search_engine, index):
    sent(index, [change(1)])
    for _ in range(2):
        assert sent(index, [Change(UUID(int=1), 2, None)]).sent == {UUID(int=1): 2}
    assert sent(index, [change(1)]).complete
    assert there(search_engine, index) == {}


def test_a_refused_document_holds_up_no_other(search_engine, index):
    outcomes = sent(
        index, [change(1), poison(2), change(3), Change(UUID(int=4), 1, None, unfit="RecursionError: deep")]
    )
    assert set(outcomes.sent) == {UUID(int=1), UUID(int=3)} and outcomes.complete
    (version, words), (_, unfit) = outcomes.rejected.values()
    assert version == 1 and "nonsense" in words and unfit == "RecursionError: deep"
    assert there(search_engine, index) == {1: 1, 3: 1}


def test_all_indexes_must_have_it(search_engine, index):
    outcomes = send(search_engine.engine, [index, search_engine.new_index(9)], some(2))
    assert isinstance(outcomes.error, NotFound) and not outcomes.sent
    assert search_engine.new_index(9) in str(outcomes.error)
    assert not search_engine.engine.index_exists(search_engine.new_index(9))


def test_requests_are_small(monkeypatch, index, faulty_engine):
    monkeypatch.setattr(sending, "MOST_OPERATIONS", 4)
    monkeypatch.setattr(sending, "MOST_BYTES", 3_000)
    big = [change(number, job_type="x" * 1_000) for number in range(11, 16)]
    assert len(sent(index, [*some(10), *big]).sent) == 15
    # 4, 4, 2 and the first big one … and never two that are too much together.
    assert faulty_engine.count(path="_bulk") in {5, 6}
    assert all(len(body(asked)) <= 3_500 for asked in faulty_engine.asked if "_bulk" in asked.path)


def test_what_is_too_large_is_halved_and_alone_refused(search_engine, index, faulty_engine):
    def too_large(handler, asked):
        fits = len(body(asked)) < 3_000
        (lambda h, a: h.reply(h.forward(a)))(handler, asked) if fits else error(413, "too_large")(handler, asked)

    faulty_engine.fail(too_large, path="_bulk")
    outcomes = sent(index, [*some(20), change(21, job_type="x" * 4_000)])
    assert len(outcomes.sent) == 20 and set(outcomes.rejected) == {UUID(int=21)} and outcomes.complete
    assert len(there(search_engine, index)) == 20


def test_a_request_that_is_refused_as_a_whole_is_taken_apart(index, faulty_engine):
    def malformed(handler, asked):
        fault = error(400, "illegal_argument_exception") if b"poison" in body(asked) else None
        fault(handler, asked) if fault else handler.reply(handler.forward(asked))

    faulty_engine.fail(malformed, path="_bulk")
    outcomes = sent(index, [*some(7), change(8, job_type="poison")])
    assert len(outcomes.sent) == 7 and set(outcomes.rejected) == {UUID(int=8)}


@pytest.mark.parametrize(
    "fault", [resets, resets_afterwards, unavailable, rate_limited(), answers(200, b'{"took": 1, "it')]
)
def test_what_nobody_knows_the_end_of_is_sent_again(search_engine, index, faulty_engine, fault):
    faulty_engine.fail(fault, path="_bulk", times=2)
    assert len(sent(index, some(3)).sent) == 3
    assert there(search_engine, index) == {1: 1, 2: 1, 3: 1}


def test_only_what_was_not_taken_is_sent_again(index, faulty_engine):
    def busy(handler, asked):
        answer = handler.forward(asked)
        found = json.loads(answer.body)
        cause = {"type": "es_rejected_execution_exception", "reason": "the queue is full"}
        found["items"][1]["index"].update(status=429, error=cause)
        answers(200, {**found, "errors": True})(handler, asked)

    faulty_engine.fail(busy, path="_bulk", times=1)
    assert len(sent(index, some(3)).sent) == 3
    first, second = (body(asked) for asked in faulty_engine.asked if "_bulk" in asked.path)
    assert len(first.splitlines()) == 6 and len(second.splitlines()) == 2
    assert str(UUID(int=2)).encode() in second


def test_retry_after_is_waited_for(index, faulty_engine):
    faulty_engine.fail(rate_limited("3"), path="_bulk", times=1)
    ended = Unhurried()
    assert len(send(link.engine(), [index], some(1), ended=ended).sent) == 1
    assert [pause >= 3 for pause in ended.pauses] == [True]


def test_pauses_grow_with_full_jitter_and_come_to_an_end(index, faulty_engine):
    faulty_engine.fail(rate_limited(), path="_bulk")
    ended = Unhurried()
    outcomes = send(link.engine(), [index], some(1), ended=ended)
    assert isinstance(outcomes.error, EngineAway) and not outcomes.sent
    assert len(ended.pauses) == sending.MOST_TRIES - 1
    assert all(0 <= pause <= 0.1 * 2**tries for tries, pause in enumerate(ended.pauses))


def test_an_engine_that_asks_for_a_long_rest_is_left_alone(index, faulty_engine):
    faulty_engine.fail(rate_limited("60"), path="_bulk")
    outcomes = sent(index, some(1))
    assert isinstance(outcomes.error, EngineAway) and outcomes.error.retry_after == 60
    assert faulty_engine.count(path="_bulk") == 1


def test_an_index_that_takes_no_writes_refuses_nothing_for_good(index, faulty_engine):
    def read_only(handler, asked):
        cause = {"type": "cluster_block_exception", "reason": "index read-only / allow delete (api)"}
        item = {"_index": index, "_id": str(UUID(int=1)), "status": 403, "error": cause}
        answers(200, {"took": 1, "errors": True, "items": [{"index": item}]})(handler, asked)

    faulty_engine.fail(read_only, path="_bulk")
    outcomes = sent(index, some(1))
    assert isinstance(outcomes.error, EngineAway) and not outcomes.rejected
