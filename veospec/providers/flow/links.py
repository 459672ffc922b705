"""Which links may be followed: pure rules about names and addresses.

A link comes from a server, so it may point at this machine, at a cloud's metadata address or at a file. Only
https to listed hosts passes, only when every address of the host is public, and the connection then goes to an
address that was checked (the network module does that).
"""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from urllib.parse import urlsplit

from msgspec import Struct

from veospec.providers.flow.config import is_loopback

# Translated addresses carry an IPv4 one in their last 32 bits. Source: RFC 6052.
_NAT64 = IPv6Network("64:ff9b::/96")


class LinkRefused(Exception):
    """A link that must not be followed; says why."""


class LinkDead(Exception):
    """A link that the host no longer answers with a file; `status` is what it said."""

    def __init__(self, status: int) -> None:
        super().__init__(f"the link is dead ({status})")
        self.status = status


class Gate(Struct, frozen=True):
    """Which links may be followed. `hosts` are names, `*.` in front for any name below; loopback only when told."""

    hosts: tuple[str, ...]
    allows_loopback: bool = False

    def check(self, url: str) -> tuple[str, int, bool]:
        """Return host, port and whether TLS is used. Raises `LinkRefused`."""
        try:
            parts = urlsplit(url)
            host, port = (parts.hostname or "").rstrip("."), parts.port
        except ValueError:
            raise LinkRefused("the link is no address") from None
        is_tls = parts.scheme == "https"
        port = port or (443 if is_tls else 80)
        if not host or parts.username is not None or parts.password is not None or "\\" in url:
            raise LinkRefused("the link is no plain address")
        if self.allows_loopback and is_loopback(host) and parts.scheme in ("http", "https"):
            return host, port, is_tls
        if not is_tls or port != 443:
            raise LinkRefused(f"the link to {_shown(host)} is not https")
        if not any(_matches(host, allowed) for allowed in self.hosts):
            raise LinkRefused(f"the service sent a link to a host that is not allowed ({_shown(host)})")
        return host, port, is_tls


def _matches(host: str, allowed: str) -> bool:
    return host.endswith(allowed[1:]) if allowed.startswith("*.") else host == allowed


def _shown(host: str) -> str:
    return ascii(host[:80])[1:-1]


def is_public(address: str) -> bool:
    """Tell whether an address belongs to the public internet, also behind a mapped or translated form."""
    found = ip_address(address.partition("%")[0])
    if isinstance(found, IPv6Address):
        inner = found.ipv4_mapped or found.sixtofour
        if inner is None and found in _NAT64:
            inner = IPv4Address(int(found) & 0xFFFFFFFF)
        if inner is not None:
            found = inner
    return found.is_global and not found.is_multicast
