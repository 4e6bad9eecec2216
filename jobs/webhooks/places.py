"""Where webhooks may be sent to: the public internet by HTTPS, and hosts of our own that a setting names."""

import re
import socket
from ipaddress import IPv6Address, ip_address
from typing import Final

from jobs import conf
from jobs.articles.addresses import Resolver, checked_addresses, is_public, system_addresses
from jobs.articles.exceptions import AddressRefused, HostUnknown, UrlRefused
from jobs.articles.urls import Target, judge
from jobs.webhooks.exceptions import UnsafeUrl

_ONLY_HTTPS: Final = "Only https URLs are sent to."
#: Names that lead inwards wherever they are looked up.
_INNER_NAMES: Final = re.compile(r"(^|\.)(localhost|local|internal|intranet|lan|home\.arpa)\.?$", re.IGNORECASE)


def target_of(url: str) -> Target:
    """Take a URL apart, or raise UnsafeUrl with the reason. Looks nothing up: where its host is, is said at sending."""
    if not url.lower().startswith(("https://", "http://")):
        raise UnsafeUrl(_ONLY_HTTPS)
    try:
        target = judge(url, any_port=True)
    except UrlRefused as refused:
        raise UnsafeUrl(str(refused)) from refused
    if is_allowed(target.host):
        return target
    if target.scheme != "https":
        raise UnsafeUrl(_ONLY_HTTPS)
    if target.port != 443:
        raise UnsafeUrl("Only the port 443 is sent to.")
    if _INNER_NAMES.search(target.host) or _is_inner_address(target.host):
        raise UnsafeUrl(f"The host {target.host} does not have a public address.")
    return target


def addresses_of(target: Target, seconds: float, resolve: Resolver = system_addresses) -> list[str]:
    """Look the host up once and give its addresses, or raise if even one of them is not for us to reach.

    The caller connects to these very addresses: a second look may be answered differently.
    """
    if not is_allowed(target.host):
        return checked_addresses(target.host, target.port, seconds=seconds, resolve=resolve)
    addresses = resolve(target.host, target.port, seconds)
    if not addresses:
        raise HostUnknown
    # There, clouds hand out the keys of the machine: nobody means them by an internal host.
    if any(_is_link_local(address) for address in addresses):
        raise AddressRefused(f"The host {target.host} has a link-local address.")
    return addresses


def is_allowed(host: str) -> bool:
    """Tell whether the site's setting names this host as one of its own."""
    return host.lower() in conf.webhook_private_hosts()


def _is_inner_address(host: str) -> bool:
    """Tell whether it is an address, in whatever way of writing it that resolvers know, and not a public one."""
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)
    except (OSError, UnicodeError):
        return False
    return not all(is_public(str(entry[4][0])) for entry in found)


def _is_link_local(address: str) -> bool:
    outer = ip_address(address)
    inner = outer.ipv4_mapped if isinstance(outer, IPv6Address) else None
    return (inner or outer).is_link_local
