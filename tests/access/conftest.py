"""A gate on a real database, and a log that remembers."""

from __future__ import annotations

from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from access.issuing import ISSUER, SECRET
from drena.access import Gate, open_gate
from drena.config import Auth, Config
from drena.plugins import PluginHost

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from contextlib import AbstractAsyncContextManager

    import asyncpg_trio


class Lines:
    """A log."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, str, dict[str, Any]]] = []

    def __getattr__(self, level: str) -> Callable[..., None]:
        return lambda event, **fields: self.lines.append((level, event, fields))


@pytest.fixture
def log() -> Lines:
    return Lines()


@pytest.fixture
def gate_with(pool: asyncpg_trio.Pool, log: Lines) -> Callable[..., AbstractAsyncContextManager[Gate]]:
    """Opens a gate: `async with gate_with(mode="open") as gate`."""

    @asynccontextmanager
    async def opened(*, authorizer: Any = None, **auth: Any) -> AsyncIterator[Gate]:
        config = Config(state_dir=Path("/nowhere"), auth=Auth(**{"issuer": ISSUER, "jwt_secret": SECRET, **auth}))
        async with open_gate(config, pool, PluginHost({}, [], authorizer), log) as gate:
            yield gate

    return opened
