"""Notifications as a channel.

What it guarantees: notifications come in the order the server sent them; when more arrive than the buffer holds, the
newest are dropped and the receiver is told how many, at the place where they are missing; when the connection dies,
what was buffered is delivered first and then every `receive` raises. The receiver reads the socket itself (`_transport`
says why), so a receiver that does not receive slows the server down before it loses anything.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, NamedTuple

import trio

from ._asyncpg_private import exceptions, quote_ident

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import TracebackType

    from ._session import Session


class Notification(NamedTuple):
    """One NOTIFY."""

    channel: str
    payload: str
    pid: int


class NotificationsLostError(Exception):
    """More notifications arrived than the buffer holds; `lost` of them were dropped at this place."""

    def __init__(self, lost: int) -> None:
        super().__init__(f"{lost} notifications arrived while the buffer was full and were dropped")
        self.lost = lost


class Notifications(trio.abc.ReceiveChannel[Notification]):
    """The receiving end. Many tasks may receive; each notification goes to one of them."""

    def __init__(self, session: Session, max_buffer: int) -> None:
        self._session = session
        self._max_buffer = max_buffer
        self._buffer: deque[Notification] = deque()
        self._lost = 0
        self._ended = False

    async def receive(self) -> Notification:
        """The next notification.

        Raises:
            NotificationsLostError: once, where notifications are missing; receiving goes on afterwards.
            ConnectionDoesNotExistError: when the connection is closed and the buffer is empty.
            trio.ClosedResourceError: when the block was left.
        Cancellation: loses nothing.
        """
        await trio.lowlevel.checkpoint_if_cancelled()
        if not self._ready():
            transport = self._session.loop.transport
            assert transport is not None
            await transport.pump_until(self._ready)
        else:
            await trio.lowlevel.cancel_shielded_checkpoint()
        return self.receive_nowait()

    def receive_nowait(self) -> Notification:
        """The next notification that has arrived; `trio.WouldBlock` when none has."""
        if self._ended:
            raise trio.ClosedResourceError
        if self._buffer:
            return self._buffer.popleft()
        if self._lost:
            lost, self._lost = self._lost, 0
            raise NotificationsLostError(lost)
        if self._session.closed:
            raise exceptions.ConnectionDoesNotExistError("the connection was closed while listening")
        raise trio.WouldBlock

    async def aclose(self) -> None:
        """Stop receiving; leaving the block does it for you."""
        self._end()
        await trio.lowlevel.checkpoint()

    def _ready(self) -> bool:
        return bool(self._buffer or self._lost or self._ended or self._session.closed)

    def _take(self, channel: str, payload: str, pid: int) -> None:
        if self._lost or len(self._buffer) >= self._max_buffer:
            self._lost += 1
        else:
            self._buffer.append(Notification(channel, payload, pid))

    def _end(self) -> None:
        self._ended = True
        transport = self._session.loop.transport
        if transport is not None:
            transport.look_again()


class Listening:
    """LISTEN for the length of a block."""

    def __init__(self, session: Session, channels: Sequence[str], max_buffer: int) -> None:
        if not channels:
            raise exceptions.InterfaceError("listen() needs at least one channel")
        if max_buffer < 1:
            raise exceptions.InterfaceError("max_buffer must be at least 1")
        self._session = session
        self._channels = tuple(dict.fromkeys(channels))
        self._notifications = Notifications(session, max_buffer)

    async def __aenter__(self) -> Notifications:
        for channel in self._channels:
            self._session.listeners.setdefault(channel, []).append(self._notifications._take)
        try:
            await self._session.run(self._session.wire.execute, self._statements("LISTEN", self._channels))
        except BaseException:
            self._forget()
            self._session.stray_listen = True
            raise
        return self._notifications

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._notifications._end()
        silent = self._forget()
        if self._session.closed or not silent:
            return
        if not await self._session.clean_up_by(self._statements("UNLISTEN", silent)):  # noqa: ASYNC102  (bounded inside)
            self._session.stray_listen = True  # in a failed transaction, say; a pool sees to it

    def _forget(self) -> list[str]:
        """Stop taking; the channels nobody else listens to."""
        silent = []
        for channel in self._channels:
            receivers = self._session.listeners[channel]
            receivers.remove(self._notifications._take)
            if not receivers:
                del self._session.listeners[channel]
                silent.append(channel)
        return silent

    @staticmethod
    def _statements(verb: str, channels: Sequence[str]) -> str:
        return "".join(f"{verb} {quote_ident(channel)};" for channel in channels)
