"""What the headers of a request say: language, client, origin, request id. Pure."""

from __future__ import annotations

import re
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import TYPE_CHECKING, Final

from drena.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from drena.problems import Language

Network = IPv4Network | IPv6Network

LANGUAGES: Final[dict[str, Language]] = {"pt": "pt", "en": "en"}
REQUEST_ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/+=@-]{0,99}")
LOOPBACK_HOST: Final = re.compile(
    r"(localhost|([a-z0-9-]+\.)+localhost|127\.\d+\.\d+\.\d+|\[::1\])(:\d+)?", re.IGNORECASE
)


def preferred_language(accept: str) -> Language:
    """The best of our languages by an `Accept-Language` header; Portuguese when it says nothing of either."""
    best: Language = "pt"
    best_weight = 0.0
    for part in accept.split(","):
        tag, _, parameter = part.strip().partition(";")
        language = LANGUAGES.get(tag.strip().lower().partition("-")[0])
        weight = _weight(parameter)
        if language is not None and weight > best_weight:
            best, best_weight = language, weight
    return best


def _weight(parameter: str) -> float:
    name, _, value = parameter.strip().partition("=")
    if name.strip().lower() != "q":
        return 1.0
    try:
        return min(1.0, float(value))
    except ValueError:
        return 0.0


def sane_request_id(given: str) -> str | None:
    """The client's id for a request, if it can stand in a log and a header."""
    return given if REQUEST_ID.fullmatch(given) else None


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


def client_address(peer: str, forwarded_for: str, trusted: Sequence[Network]) -> str:
    """Who the client is: the peer, or what the nearest proxies that are trusted say of him.

    Args:
        peer: the connection's other side; empty on a Unix socket, which only a proxy of this machine uses.
        forwarded_for: all `X-Forwarded-For` headers, joined by commas.
        trusted: the proxies.
    """
    hops = [hop.strip() for hop in forwarded_for.split(",") if hop.strip()]
    client = peer
    while hops and (client == "" or is_in(client, trusted)):
        client = hops.pop()
        try:
            ip_address(client.partition("%")[0])
        except ValueError:
            return peer
    return client


def is_own_origin(origin: str, host: str, *, secure: bool) -> bool:
    """Whether a page of this very server sent a request: behind a proxy the scheme may differ, the host may not."""
    scheme, _, rest = origin.partition("://")
    return bool(host) and rest.lower() == host.lower() and scheme in (("https",) if secure else ("http", "https"))


def is_loopback_host(host: str) -> bool:
    """Whether a `Host` header names this machine itself. A page elsewhere whose name was rebound to 127.0.0.1 does
    not pass."""
    return LOOPBACK_HOST.fullmatch(host) is not None
