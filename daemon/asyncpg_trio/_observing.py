"""Callbacks of a connection: for the server's notices, for the end of the connection, for each query.

They are plain functions, called in the task that uses the connection, between two steps of asyncpg, never inside one.
An error of theirs is logged and goes no further: who observes must not break what is observed. Those that a pooled
connection still has when it is given back are removed.
"""

from __future__ import annotations

import inspect
import warnings
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from ._asyncpg_private import exceptions

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ._session import Session

LOG, TERMINATION, QUERY = "log_listener", "termination_listener", "query_logger"


class ObservingMixin:
    """The `add_...` and `remove_...` calls."""

    __slots__ = ()

    if TYPE_CHECKING:
        _observers: dict[tuple[str, Callable[..., None]], Callable[..., None]]

        @property
        def _session(self) -> Session: ...

    def add_log_listener(self, callback: Callable[[Any, Any], None]) -> None:
        """Call `callback(connection, message)` for each notice of the server."""
        self._observe(LOG, callback, lambda _, message: callback(self, message))

    def remove_log_listener(self, callback: Callable[[Any, Any], None]) -> None:
        """Undo :meth:`add_log_listener`."""
        self._stop_observing(LOG, callback)

    def add_termination_listener(self, callback: Callable[[Any], None]) -> None:
        """Call `callback(connection)` when the connection is found closed."""
        self._observe(TERMINATION, callback, lambda _: callback(self))

    def remove_termination_listener(self, callback: Callable[[Any], None]) -> None:
        """Undo :meth:`add_termination_listener`."""
        self._stop_observing(TERMINATION, callback)

    def add_query_logger(self, callback: Callable[[Any], None]) -> None:
        """Call `callback(record)` after each query: query, args, elapsed seconds, exception, and where it went."""
        self._observe(QUERY, callback, callback)

    def remove_query_logger(self, callback: Callable[[Any], None]) -> None:
        """Undo :meth:`add_query_logger`."""
        self._stop_observing(QUERY, callback)

    @contextmanager
    def query_logger(self, callback: Callable[[Any], None]) -> Iterator[None]:
        """:meth:`add_query_logger` for the length of a block."""
        self.add_query_logger(callback)
        try:
            yield
        finally:
            self.remove_query_logger(callback)

    def _observe(self, kind: str, callback: Callable[..., None], called: Callable[..., None]) -> None:
        if inspect.iscoroutinefunction(callback):
            raise NotImplementedError("an async callback is not supported: asyncpg_trio starts no background task")
        if not callable(callback):
            raise exceptions.InterfaceError(f"expected a plain function, got {callback!r}")
        if (kind, callback) not in self._observers:
            getattr(self._session.wire, f"add_{kind}")(called)
            self._observers[kind, callback] = called

    def _stop_observing(self, kind: str, callback: Callable[..., None]) -> None:
        called = self._observers.pop((kind, callback), None)
        if called is not None:
            getattr(self._session.wire, f"remove_{kind}")(called)

    def _stop_all_observing(self) -> None:
        """For the pool, when the connection comes back."""
        if any(kind == LOG for kind, _ in self._observers):
            message = f"{self!r} is given back to its pool with active log listeners; they are removed"
            warnings.warn(exceptions.InterfaceWarning(message), stacklevel=4)
        for kind, callback in list(self._observers):
            self._stop_observing(kind, callback)
