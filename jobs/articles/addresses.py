"""Which network addresses a page may be fetched from: the public internet, and nothing inside our own networks."""

import queue
import socket
import threading
from collections.abc import Callable
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Final

from jobs.articles.exceptions import AddressRefused, FetchFailed, FetchTimedOut, HostUnknown

Address = IPv4Address | IPv6Address

#: Gives every address of a host: name, port, seconds it may take.
Resolver = Callable[[str, int, float], list[str]]

# What Python's is_global lets through in one supported version or another, and addresses that reach inwards by
# translation or by a cloud provider's convention.
_DENIED_V4: Final = tuple(
    map(
        ip_network,
        (
            "100.64.0.0/10",  # shared by carriers; 100.100.100.200 is a cloud's metadata service
            "168.63.129.16/32",  # a public address that a cloud answers itself, from inside the machine's host
            "192.0.0.0/24",  # protocol assignments, parts of which newer versions call global
            "192.88.99.0/24",  # 6to4 relays
        ),
    )
)
_DENIED_V6: Final = tuple(
    map(
        ip_network,
        (
            "2001::/23",  # Teredo, ORCHID, benchmarks
            "2001:db8::/32",  # documentation, as is 3fff::/20
            "2002::/16",  # 6to4
            "3fff::/20",
            "64:ff9b::/96",  # NAT64, and its local form below
            "64:ff9b:1::/48",
        ),
    )
)
# All that is handed out so far; leaves out IPv4-compatible, translated and site-local forms that is_global passes.
_UNICAST_V6: Final = ip_network("2000::/3")
_NAT64: Final = (ip_network("64:ff9b::/96"), ip_network("64:ff9b:1::/48"))


def is_public(address: str | Address) -> bool:
    """Tell whether an address, and every address wrapped in it, belongs to the public internet."""
    try:
        outer = ip_address(address)
    except ValueError:
        return False
    if isinstance(outer, IPv4Address):
        return _is_public_v4(outer)
    if outer.scope_id is not None:
        return False
    if outer.ipv4_mapped is not None:
        return _is_public_v4(outer.ipv4_mapped)
    return _is_public_v6(outer) and all(map(_is_public_v4, _wrapped(outer)))


def is_loopback(address: str) -> bool:
    """Tell whether an address is this machine itself, also when wrapped as an IPv6 address."""
    outer = ip_address(address)
    inner = outer.ipv4_mapped if isinstance(outer, IPv6Address) else None
    return (inner or outer).is_loopback


def _is_public_v4(address: IPv4Address) -> bool:
    return address.is_global and not address.is_multicast and not any(address in network for network in _DENIED_V4)


def _is_public_v6(address: IPv6Address) -> bool:
    return (
        address in _UNICAST_V6
        and address.is_global
        and not address.is_multicast
        and not any(address in network for network in _DENIED_V6)
    )


def _wrapped(address: IPv6Address) -> list[IPv4Address]:
    inner = [address.sixtofour] if address.sixtofour else []
    inner += address.teredo or ()
    if any(address in network for network in _NAT64):
        inner.append(IPv4Address(int(address) & 0xFFFF_FFFF))
    return inner


def checked_addresses(
    host: str, port: int, *, seconds: float, resolve: Resolver, allow_loopback: bool = False
) -> list[str]:
    """Resolve a host once and give its addresses, or raise if even one of them is not public.

    The caller connects to these very addresses: asking the resolver again would let it answer differently.
    """
    addresses = resolve(host, port, seconds)
    if not addresses:
        raise HostUnknown
    for address in addresses:
        if not (is_public(address) or (allow_loopback and is_loopback(address))):
            # The address itself stays unsaid, or the error would map our network for whoever submitted the URL.
            raise AddressRefused(f"The host {host} does not have a public address.")
    return addresses


def system_addresses(host: str, port: int, seconds: float) -> list[str]:
    """Ask the system's resolver, for no longer than this many seconds."""
    answers: queue.SimpleQueue[list[str] | OSError | UnicodeError] = queue.SimpleQueue()

    def ask() -> None:
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
            answers.put(list(dict.fromkeys(str(entry[4][0]) for entry in found)))
        except (OSError, UnicodeError) as exc:
            answers.put(exc)

    # getaddrinfo takes no timeout, so it is left behind in its thread when it is too slow.
    threading.Thread(target=ask, name="resolve", daemon=True).start()
    try:
        answer = answers.get(timeout=max(seconds, 0.001))
    except queue.Empty:
        raise FetchTimedOut(f"The name {host} could not be looked up in time.") from None
    if isinstance(answer, list):
        return answer
    if isinstance(answer, UnicodeError) or (isinstance(answer, socket.gaierror) and answer.errno == socket.EAI_NONAME):
        raise HostUnknown(f"The host name {host} does not exist.") from answer
    raise FetchFailed(f"The name {host} could not be looked up.") from answer
