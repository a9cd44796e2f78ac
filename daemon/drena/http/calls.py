"""One call: the request, who makes it, and what the daemon has to answer it with."""

from __future__ import annotations

import types
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeVar, Union, get_args, get_origin, get_type_hints
from uuid import UUID

import msgspec
import trio
from starlette.requests import ClientDisconnect

from drena.problems import Refused

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.requests import Request

    from asyncpg_trio import Pool
    from drena.access import Gate, Principal
    from drena.config import Config
    from drena.log import LogLines
    from drena.metrics import Metrics
    from drena.plugins import PluginHost
    from drena.problems import Language

T = TypeVar("T")
BODY_LIMIT_S: Final = 20.0


class Polls(Protocol):
    """Where the long poll asks: the feed's `LongPolls`."""

    async def poll(
        self, tenant: UUID, epoch: UUID | None, offset: int | None, wait_s: float, mark: str | None, /
    ) -> bytes:
        """The next frame after this place, or a snapshot; an empty delta after `wait_s`, or when the progress of what
        runs is not that of the mark."""


@dataclass(frozen=True, kw_only=True)
class House:
    """What the daemon lends to every call."""

    pool: Pool
    host: PluginHost
    gate: Gate
    polls: Polls
    config: Config
    log: LogLines
    metrics: Metrics
    """Counts answers, and renders itself as Prometheus reads it."""
    signs: Callable[[], dict[str, bool]]
    """What `/readyz` tells besides the database: by name, whether it is well."""
    feed_port: Callable[[], int | None]
    """The TCP port of the feed; None when it has none."""
    stopping: trio.Event = field(default_factory=trio.Event)
    """Set when nothing new may begin."""
    ended: trio.Event = field(default_factory=trio.Event)
    """Set when everything is answered, or its time is over."""


@dataclass(kw_only=True)
class Call:
    """A request on its way to its answer."""

    request: Request
    house: House
    request_id: str
    language: Language
    client: str
    """The client's address as far as it is known; empty on a Unix socket without a proxy's word."""
    direct: bool
    """Nobody has passed the request on."""
    secure: bool
    """The client speaks TLS, to us or to a proxy that is trusted."""
    route: str = ""
    """The path as a template, once it is known."""
    _principal: Principal | None = None

    @property
    def principal(self) -> Principal:
        """Who asks; only for operations that are not open to everybody."""
        assert self._principal is not None, "an open operation has no principal"
        return self._principal

    def enter(self, principal: Principal) -> None:
        """Remember who asks."""
        self._principal = principal

    @property
    def asker(self) -> str | None:
        """Who asks, for the log."""
        return None if self._principal is None else self._principal.subject

    def id_of(self, name: str, code: str) -> UUID:
        """An id out of the path; what is none is nobody's.

        Raises:
            Refused: `code`.
        """
        text = self.request.path_params[name]
        try:
            found = UUID(text)
        except ValueError:
            raise Refused(code) from None
        if str(found) != text.lower():
            raise Refused(code)
        return found

    def query(self, kind: type[T]) -> T:
        """The query parameters as a struct.

        Raises:
            Refused: `parameter_invalid`, naming it.
        """
        hints = get_type_hints(kind)
        found: dict[str, Any] = {}
        for name in self.request.query_params:
            values = self.request.query_params.getlist(name)
            if name not in hints:
                raise Refused("parameter_invalid", field=name[:100], reason=self._in_words("desconhecido", "unknown"))
            if _is_list(hints[name]):
                found[name] = [part for value in values for part in value.split(",")]
            elif len(values) > 1:
                raise Refused("parameter_invalid", field=name, reason=self._in_words("repetido", "repeated"))
            else:
                found[name] = values[0]
        try:
            query = msgspec.convert(found, kind, strict=False)
        except msgspec.ValidationError as error:
            where = next((name for name in hints if f"`$.{name}" in str(error) or f"`{name}`" in str(error)), "")
            reason = str(error).partition(" - at")[0]
            raise Refused("parameter_invalid", field=where, reason=reason) from None
        if (nothing := next((name for name in found if getattr(query, name) is None), None)) is not None:
            raise Refused("parameter_invalid", field=nothing, reason="null")  # it would be read as if it were absent
        return query

    async def body(self, kind: type[T]) -> T:
        """The body, decoded.

        Raises:
            Refused: `media_type_unsupported`, `body_too_large`, `request_timeout`, `body_invalid`.
        """
        media_type = self.request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if media_type != "application/json":
            raise Refused("media_type_unsupported")
        text = await self.read()
        try:
            return msgspec.json.decode(text, type=kind)
        except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
            raise Refused("body_invalid", reason=str(error)[:200]) from None

    async def read(self) -> bytes:
        """The body's bytes.

        Raises:
            Refused: `body_too_large`, `request_timeout`.
        """
        limit = self.house.config.http.max_body_bytes
        declared = self.request.headers.get("content-length", "")
        if declared.isdecimal() and int(declared) > limit:
            raise Refused("body_too_large", limit_bytes=limit)
        found = bytearray()
        with trio.move_on_after(BODY_LIMIT_S):
            try:
                async with aclosing(self.request.stream()) as chunks:
                    async for chunk in chunks:
                        found += chunk
                        if len(found) > limit:
                            raise Refused("body_too_large", limit_bytes=limit)
            except ClientDisconnect:
                raise Refused("request_timeout") from None  # half a body is no request; nobody reads this
            return bytes(found)
        raise Refused("request_timeout")

    def _in_words(self, pt: str, en: str) -> str:
        return pt if self.language == "pt" else en


def _is_list(hint: Any) -> bool:
    origin = get_origin(hint)
    if origin in (Union, types.UnionType):
        return any(_is_list(arg) for arg in get_args(hint))
    return origin in (tuple, list)
