import socket
import threading

import pytest

from jobs.articles.addresses import checked_addresses, is_loopback, is_public, system_addresses
from jobs.articles.exceptions import AddressRefused, FetchFailed, FetchTimedOut, HostUnknown

PUBLIC = [
    "93.184.215.14",
    "8.8.8.8",
    "1.1.1.1",
    "2606:4700:4700::1111",
    "2a00:1450:4001:82a::200e",
    "::ffff:8.8.8.8",
]
NOT_PUBLIC = [
    "127.0.0.1",
    "127.255.255.254",
    "0.0.0.0",
    "10.0.0.1",
    "172.16.0.1",
    "172.31.255.255",
    "192.168.1.1",
    "169.254.169.254",  # metadata of most clouds
    "100.64.0.1",  # carrier-grade NAT: is_private says no
    "100.100.100.200",  # metadata of one cloud
    "168.63.129.16",  # a public address that one cloud answers itself
    "192.0.0.9",
    "192.0.0.170",
    "192.0.2.1",
    "192.88.99.1",  # is_global says yes
    "198.18.0.1",
    "203.0.113.7",
    "224.0.0.1",  # is_global says yes
    "239.255.255.250",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::7f00:1",  # IPv4-compatible
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "::ffff:100.64.0.1",
    "::ffff:224.0.0.1",
    "::ffff:0:127.0.0.1",  # translated
    "64:ff9b::7f00:1",  # NAT64: is_global says yes
    "64:ff9b::808:808",
    "64:ff9b:1::a00:1",
    "100::1",
    "2001::1",
    "2001:0:4136:e378:8000:63bf:80ff:fffe",  # Teredo around 127.0.0.1
    "2001:10::1",
    "2001:db8::1",
    "2002:7f00:1::",  # 6to4 around 127.0.0.1: is_global says yes
    "2002:808:808::1",
    "3fff::1",
    "5f00::1",
    "fc00::1",
    "fd00:ec2::254",  # metadata of one cloud
    "fe80::1",
    "fe80::1%eth0",
    "2606:4700::1%lo",
    "fec0::1",
    "ff02::1",
    "not an address",
    "",
]


@pytest.mark.parametrize("address", PUBLIC)
def test_public_addresses_are_allowed(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize("address", NOT_PUBLIC)
def test_everything_else_is_refused(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", ["127.0.0.1", "127.1.2.3", "::1", "::ffff:127.0.0.1"])
def test_this_machine_is_recognised(address: str) -> None:
    assert is_loopback(address)
    assert not is_loopback("10.0.0.1")


def test_one_inner_address_among_public_ones_refuses_the_host() -> None:
    with pytest.raises(AddressRefused):
        checked_addresses("x.test", 80, seconds=1, resolve=lambda *_: ["8.8.8.8", "10.0.0.1", "1.1.1.1"])


def test_the_error_does_not_tell_where_the_host_is() -> None:
    with pytest.raises(AddressRefused) as caught:
        checked_addresses("x.test", 80, seconds=1, resolve=lambda *_: ["10.11.12.13"])
    assert "10.11" not in str(caught.value)


def test_the_switch_for_tests_opens_this_machine_and_nothing_else() -> None:
    assert checked_addresses("x", 80, seconds=1, resolve=lambda *_: ["127.0.0.1"], allow_loopback=True) == ["127.0.0.1"]
    with pytest.raises(AddressRefused):
        checked_addresses("x", 80, seconds=1, resolve=lambda *_: ["192.168.0.1"], allow_loopback=True)


def test_a_host_without_addresses_is_unknown() -> None:
    with pytest.raises(HostUnknown):
        checked_addresses("x", 80, seconds=1, resolve=lambda *_: [])


@pytest.mark.parametrize(
    ("errno", "error"),
    [(socket.EAI_NONAME, HostUnknown), (socket.EAI_AGAIN, FetchFailed), (socket.EAI_FAIL, FetchFailed)],
)
def test_a_name_that_does_not_exist_is_final_and_a_name_server_that_fails_is_not(
    monkeypatch: pytest.MonkeyPatch, errno: int, error: type[Exception]
) -> None:
    def fail(*args: object, **kwargs: object) -> None:
        raise socket.gaierror(errno, "as told")

    monkeypatch.setattr(socket, "getaddrinfo", fail)
    with pytest.raises(error):
        system_addresses("x.test", 80, 5)


def test_a_name_server_that_says_nothing_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    over = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *args, **kwargs: over.wait(30) and [])
    try:
        with pytest.raises(FetchTimedOut):
            system_addresses("x.test", 80, 0.05)
    finally:
        over.set()
