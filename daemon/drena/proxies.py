"""Whom to believe about a client's address: what proxies say in `X-Forwarded-For`, to HTTP and the feed. Pure."""

from __future__ import annotations

from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import TYPE_CHECKING

from drena.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

Network = IPv4Network | IPv6Network


def parse_networks(texts: Iterable[str]) -> list[Network]:
    """Addresses and networks as an operator writes them.

    Raises:
        ConfigError: one is neither.
    """
    found: list[Network] = []
    for text in texts:
        try:
            found.append(ip_network(text, strict=False))
        except ValueError:
            raise ConfigError(f"`{text}` is no address or network: write 10.0.0.7 or 10.0.0.0/8.") from None
    return found


def is_in(address: str, networks: Sequence[Network]) -> bool:
    """Whether an address is in one of these networks."""
    try:
        found = ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if found.version == 6 and found.ipv4_mapped is not None:
        found = found.ipv4_mapped
    return any(found in network for network in networks if network.version == found.version)


def client_address(peer: str, forwarded_for: str, trusted: Sequence[Network], *, local: bool = False) -> str:
    """Who the client is: the peer, unless that is a trusted proxy; then the last one named that is none.

    Args:
        peer: the other side of the connection; empty on a Unix socket, which only a proxy of this machine uses.
        forwarded_for: all `X-Forwarded-For` headers, joined by commas; empty when there is none.
        trusted: the proxies.
        local: whether a proxy on a Unix socket is believed although nobody else is.
    """
    if not peer and not trusted and not local:
        return peer
    found = peer
    for hop in reversed(forwarded_for.split(",")):
        if found and not is_in(found, trusted):
            return found
        try:
            found = str(ip_address(_without_port(hop.strip())))
        except ValueError:
            return found  # nobody's address: what a proxy of ours put before it is as far as can be believed
    return found


def _without_port(text: str) -> str:
    if text.startswith("["):
        return text[1:].partition("]")[0]
    return text.partition(":")[0] if text.count(":") == 1 else text
