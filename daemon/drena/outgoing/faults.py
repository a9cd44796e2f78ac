"""Foreign transport errors, mapped once: what to tell the office, and whether sending again is worth it.

The sentences name the host and nothing else of the request: no path, query, header or value.
"""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import httpx2

from drena.api import GiveUp, ProviderUnreachable

MIB: Final = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Fault:
    """A try that brought no answer."""

    reason: str
    """One Portuguese sentence."""
    passing: bool = True
    """Time may heal it within this attempt."""
    sent: bool = True
    """The server may have seen the request."""
    error: BaseException | None = None

    def raised(self) -> ProviderUnreachable:
        """The exception a plugin sees; raise it `from` the error."""
        return ProviderUnreachable(self.reason)


def fault_of(error: httpx2.RequestError, host: str, *, by_proxy: bool) -> Fault:
    """What a transport error means.

    Args:
        error: as httpx2 raised it.
        host: the host of the request.
        by_proxy: whether a proxy stands between.

    Raises:
        GiveUp: `request_invalid`: the request can never be sent as it is.
    """
    via = " pelo proxy" if by_proxy else ""
    match error:
        case httpx2.UnsupportedProtocol():
            message = "O endereço do provedor precisa começar com https:// ou http://; corrija-o na integração."
            raise GiveUp("request_invalid", message)
        case httpx2.LocalProtocolError():
            raise unsendable() from None  # h11 quotes the header in its message, and that may be the token
        case httpx2.TooManyRedirects():
            return Fault(f"{host} redireciona o pedido em círculos.", passing=False, error=error)
        case httpx2.ConnectTimeout():
            return Fault(f"{host} não aceitou a conexão{via} a tempo.", sent=False, error=error)
        case httpx2.PoolTimeout():
            return Fault(f"Nenhuma conexão com {host} ficou livre a tempo.", sent=False, error=error)
        case httpx2.ReadTimeout():
            return Fault(f"{host} não respondeu a tempo.", error=error)
        case httpx2.WriteTimeout():
            return Fault(f"{host} não recebeu o pedido a tempo.", error=error)
        case httpx2.ConnectError():
            return _no_connection(error, host, via)
        case httpx2.ProxyError():
            return Fault(f"O proxy recusou a conexão com {host}.", passing=False, sent=False, error=error)
        case httpx2.RemoteProtocolError():
            return Fault(f"{host} cortou a resposta antes do fim ou respondeu fora do protocolo.", error=error)
        case httpx2.DecodingError():
            return Fault(f"{host} enviou uma resposta corrompida.", error=error)
        case _:
            return Fault(f"{host} interrompeu a conexão.", error=error)


def _no_connection(error: httpx2.ConnectError, host: str, via: str) -> Fault:
    for cause in _chain(error):
        if isinstance(cause, ssl.SSLCertVerificationError):
            return Fault(f"O certificado de {host} não é confiável.", passing=False, sent=False, error=error)
        if isinstance(cause, socket.gaierror):
            return Fault(f"O endereço {host} não foi encontrado.", sent=False, error=error)
        if isinstance(cause, ConnectionRefusedError):
            return Fault(f"{host} recusou a conexão{via}.", sent=False, error=error)
    return Fault(f"Não foi possível conectar a {host}{via}.", sent=False, error=error)


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """An error and what it came from, groups opened."""
    if error is None:
        return
    yield error
    if isinstance(error, BaseExceptionGroup):
        for inner in error.exceptions:
            yield from _chain(inner)
    yield from _chain(error.__cause__ or error.__context__)


def unsendable() -> GiveUp:
    """A request that no client could send as it is."""
    message = "O pedido ao provedor não pode ser enviado; confira o segredo e o endereço da integração."
    return GiveUp("request_invalid", message)


def too_slow(host: str, total_s: float) -> Fault:
    """The tries of one request took all the time they had."""
    return Fault(f"{host} não respondeu em {total_s:g} s, nem com novas tentativas.", passing=False)


def too_large(host: str, max_body_bytes: int) -> GiveUp:
    """An answer beyond the limit. The same request brings the same answer, so no retry: a person must decide."""
    limit = f"{max_body_bytes / MIB:g} MiB" if max_body_bytes >= MIB else f"{max_body_bytes} bytes"
    message = f"{host} enviou uma resposta maior que o limite de {limit} (`max_body_bytes` do provedor)."
    return GiveUp("answer_too_large", message)
