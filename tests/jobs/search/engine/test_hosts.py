"""Several hosts, who is let in, whose certificate is trusted, and what a fork leaves open."""

import base64
import logging
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from jobs.search.engine import hosts
from jobs.search.engine.client import Engine
from jobs.search.engine.failures import EngineAway, EngineError, Nonsense
from jobs.search.engine.operations import Operation
from tests import fault_proxy
from tests.fault_proxy import FaultProxy, proxying
from tests.search_server import SearchServer

TLS = Path(__file__).parents[3] / "fixtures" / "tls"
ALL: dict[str, Any] = {"query": {"match_all": {}}}


@pytest.fixture
def index(search_engine: SearchServer) -> str:
    name = search_engine.new_index()
    search_engine.engine.create_index(name, {"mappings": {"dynamic": "strict", "properties": {"n": {"type": "long"}}}})
    return name


@pytest.fixture
def two(search_engine: SearchServer) -> Iterator[list[FaultProxy]]:
    with ExitStack() as stack:
        yield [stack.enter_context(proxying(search_engine.url)) for _ in range(2)]


@pytest.fixture
def engine(two: list[FaultProxy]) -> Iterator[Engine]:
    made = Engine([proxy.url for proxy in two])
    yield made
    made.close()


def test_hosts_take_turns(engine: Engine, index: str, two: list[FaultProxy]) -> None:
    for _ in range(4):
        engine.search(index, ALL)
    assert [proxy.count() for proxy in two] == [2, 2]


@pytest.mark.parametrize(
    "fault", [fault_proxy.resets, fault_proxy.unavailable, fault_proxy.truncates, fault_proxy.dawdles]
)
def test_another_host_answers_for_one_that_fails_and_that_is_left_alone(
    engine: Engine, index: str, two: list[FaultProxy], fault: fault_proxy.Fault
) -> None:
    two[0].fail(fault)
    for _ in range(6):
        assert engine.search(index, ALL, timeout=1)["hits"]["hits"] == []
    assert [proxy.count() for proxy in two] == [1, 6]


def test_a_host_that_is_away_is_asked_again_after_its_rest(
    engine: Engine, index: str, two: list[FaultProxy], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hosts, "REST", 0.0)
    with two[0].refusing():
        for _ in range(4):
            engine.search(index, ALL)
    for _ in range(4):
        engine.search(index, ALL)
    assert two[0].count() == 2


def test_when_every_host_fails_all_are_tried_and_the_failure_is_told(
    engine: Engine, index: str, two: list[FaultProxy]
) -> None:
    for proxy in two:
        proxy.fail(fault_proxy.red)
    for _ in range(2):
        with pytest.raises(EngineAway) as raised:
            engine.search(index, ALL)
        assert raised.value.status == 503
    assert [proxy.count() for proxy in two] == [2, 2]
    two[1].heal()
    assert engine.search(index, ALL)["hits"]["hits"] == []


def test_a_write_that_may_have_happened_goes_to_the_other_host_too(
    engine: Engine, index: str, two: list[FaultProxy]
) -> None:
    two[0].fail(fault_proxy.resets_afterwards, path="_bulk")
    [result] = engine.bulk([Operation(index, "a", 1, {"n": 1})])
    assert (result.status, result.done) == (200, True)  # 201 it would be for the first
    assert [proxy.count("POST", "_bulk") for proxy in two] == [1, 1]


def test_too_many_requests_are_not_taken_to_the_next_host(engine: Engine, index: str, two: list[FaultProxy]) -> None:
    for proxy in two:
        proxy.fail(fault_proxy.rate_limited("3"))
    with pytest.raises(EngineAway) as raised:
        engine.search(index, ALL)
    assert raised.value.retry_after == 3
    assert sum(proxy.count() for proxy in two) == 1


def test_no_host_leads_elsewhere(engine: Engine, index: str, two: list[FaultProxy]) -> None:
    two[0].fail(fault_proxy.answers(307, b"", Location=f"{two[1].url}/{index}/_search"))
    with pytest.raises(Nonsense):
        engine.search(index, ALL)
    assert two[1].count() == 0


def test_proxies_of_the_environment_play_no_part(engine: Engine, index: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    engine.search(index, ALL)


# Who is let in


def _asked_with(url: str, proxy: FaultProxy, api_key: str = "") -> str:
    engine = Engine([url], api_key)
    engine.info()
    engine.close()
    return proxy.asked[-1].headers.get("authorization", "")


def test_user_and_password_of_the_address_are_taken_apart_as_they_were_written(two: list[FaultProxy]) -> None:
    address = two[0].url.rpartition("@")[2].removeprefix("http://")
    sent = _asked_with(f"http://s%C3%B8k:p%40ss%2F%3A+%25@{address}", two[0])
    assert base64.b64decode(sent.removeprefix("Basic ")).decode() == "søk:p@ss/:+%"


def test_a_key_goes_before_user_and_password(two: list[FaultProxy]) -> None:
    address = two[0].url.rpartition("@")[2].removeprefix("http://")
    assert _asked_with(f"http://user:password@{address}", two[0], api_key="aWQ6a2V5") == "ApiKey aWQ6a2V5"


def test_a_path_stands_before_every_other(two: list[FaultProxy]) -> None:
    engine = Engine([f"{two[0].url}/a%20b"])
    with pytest.raises(EngineError):
        engine.info()
    engine.close()
    assert two[0].asked[-1].path == "/a%20b/"


def test_nothing_that_is_said_of_an_engine_has_its_password(
    two: list[FaultProxy], caplog: pytest.LogCaptureFixture
) -> None:
    address = two[0].url.rpartition("@")[2].removeprefix("http://")
    engine = Engine([f"http://user:hidden-word@{address}"], api_key="hidden-key")
    with caplog.at_level(logging.DEBUG):
        said = [repr(engine), *engine.addresses]
        for fault in (fault_proxy.resets, fault_proxy.error(401, "security_exception"), fault_proxy.dawdles):
            two[0].heal()
            two[0].fail(fault)
            with pytest.raises(EngineError) as raised:
                engine.search("a", ALL, timeout=0.1)
            said += [str(raised.value), repr(raised.value), str(raised.value.__cause__)]
    engine.close()
    assert "hidden" not in " ".join([*said, caplog.text])


# Whose certificate is trusted


@pytest.fixture
def secure(search_engine: SearchServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[FaultProxy]:
    monkeypatch.setattr(hosts, "system_addresses", lambda host, port, seconds: ["127.0.0.1"])
    with proxying(search_engine.url) as proxy:
        proxy.speak_tls(TLS / "server.pem")
        yield proxy


def test_an_authority_of_ones_own_is_trusted_for_the_host_that_it_names(secure: FaultProxy, index: str) -> None:
    engine = Engine([f"https://articles.test:{secure.server_port}"], ca_certs=str(TLS / "ca.pem"))
    for _ in range(2):
        assert engine.search(index, ALL)["hits"]["hits"] == []
    assert secure.connections == 1
    secure.fail(fault_proxy.dawdles)
    with pytest.raises(EngineAway) as raised:
        engine.search(index, ALL, timeout=0.1)
    assert raised.value.kind == "timeout"
    engine.close()


@pytest.mark.parametrize(("host", "ca"), [("other.test", str(TLS / "ca.pem")), ("articles.test", "")])
def test_another_hosts_certificate_and_one_that_nobody_vouches_for_are_refused(
    secure: FaultProxy, host: str, ca: str
) -> None:
    engine = Engine([f"https://{host}:{secure.server_port}"], api_key="hidden", ca_certs=ca)
    with pytest.raises(EngineAway) as raised:
        engine.info()
    assert raised.value.kind == "certificate"
    assert host in str(raised.value)
    assert secure.asked == []
    engine.close()


# A fork

FORKS = """
import os, sys
from jobs.search.engine.client import Engine
engine = Engine([sys.argv[1]])
engine.info()
child = os.fork()
for _ in range(20):
    engine.info()
if not child:
    os._exit(0)
sys.exit(os.waitpid(child, 0)[1])
"""


def test_a_child_of_a_fork_speaks_over_connections_of_its_own(two: list[FaultProxy]) -> None:
    subprocess.run([sys.executable, "-c", FORKS, two[0].url], check=True, timeout=60)
    assert two[0].count("GET", "^/$") == 41
    assert two[0].connections == 2
