"""A stage whose daemons serve the page, and people to look at it."""

from __future__ import annotations

import socket
import time
import uuid
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from access.issuing import ISSUER, SECRET, signed
from flows.stage import Office, Stage

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from support.daemons import DaemonProcess

SIGNED_IN = {"auth__mode": "jwt", "auth__jwt_secret": SECRET, "auth__issuer": ISSUER}
"""Settings with which people need a token of `Scene.person`."""


def free_port() -> int:
    """A port nobody uses. A daemon that is killed and comes back must come back to the same address."""
    with socket.create_server(("127.0.0.1", 0)) as held:
        return held.getsockname()[1]


@dataclass
class Scene(Stage):
    """One test's world, seen from a browser."""

    http_port: int = field(default_factory=free_port)
    feed_port: int = field(default_factory=free_port)

    @property
    def url(self) -> str:
        """Where the page is."""
        return f"http://127.0.0.1:{self.http_port}/"

    @asynccontextmanager
    async def serve(self, **settings: Any) -> AsyncIterator[DaemonProcess]:
        """A daemon that has joined and serves the page, in open mode unless the settings say otherwise."""
        web = {"http__listen": f"127.0.0.1:{self.http_port}", "feed__listen": f"127.0.0.1:{self.feed_port}"}
        async with self.daemon(**{"auth__mode": "open", **web, **settings}) as daemon:
            yield daemon

    async def person(self, *offices: Office, lasts_s: float = 3600, role: str = "staff") -> str:
        """The token of somebody who belongs to these offices."""
        user = uuid.uuid4()
        for office in offices:
            await self.conn.execute(
                "insert into user_tenants (user_id, tenant_id, role) values ($1, $2, $3)", user, office.id, role
            )
        return self.token(user, lasts_s=lasts_s)

    def token(self, user: uuid.UUID, *, lasts_s: float = 3600) -> str:
        """A token of a user, good for so long."""
        now = int(time.time())
        return signed(sub=str(user), iat=now, exp=now + int(lasts_s))

    async def slow(self, office: Office, latency_ms: int) -> None:
        """Let the office's account answer this slowly."""
        await self.fake.set_knobs(office.token, latency_ms=latency_ms)
