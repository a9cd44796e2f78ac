"""Pause, resume, nodes: the queue's steering as typed calls, for CLI, HTTP and feed alike. Cancel and retry are in
`drena.store.answers`."""

from __future__ import annotations

from datetime import datetime
from difflib import get_close_matches
from typing import TYPE_CHECKING
from uuid import UUID

import msgspec

from drena.errors import UsageError
from drena.store.queries import sql

if TYPE_CHECKING:
    from drena.store.jobs import Executor


class PauseView(msgspec.Struct, frozen=True, kw_only=True):
    """A pause as people see it; None stands for all."""

    tenant_id: UUID | None
    tenant: str | None
    """The tenant's slug."""
    provider: str | None
    reason: str
    created_by: UUID | None
    created_at: datetime

    @property
    def what(self) -> str:
        """What is paused, in words."""
        if self.tenant is None:
            return "everything" if self.provider is None else f"{self.provider} of every tenant"
        return f"{self.provider or 'everything'} of {self.tenant}"

    def touches(self, tenant_id: UUID | None, provider: str | None) -> bool:
        """Whether it holds back anything of this tenant and provider; None stands for all."""
        return (None in (tenant_id, self.tenant_id) or tenant_id == self.tenant_id) and (
            None in (provider, self.provider) or provider == self.provider
        )


class NodeView(msgspec.Struct, frozen=True, kw_only=True):
    """A node as people see it."""

    id: UUID
    name: str
    version: str
    live: bool
    """Its lease is good; otherwise another node is about to take its jobs back."""
    running: int
    max_jobs: int | None
    """None when the node does not tell."""
    refused: int
    """Writes of its attempts that were refused because their lease token had gone (I2)."""
    providers: list[str]
    started_at: datetime
    lease_left_s: float
    """Negative when the lease is over."""


async def pause(
    on: Executor, tenant_id: UUID | None, provider: str | None, *, reason: str = "", by: UUID | None = None
) -> None:
    """Claim nothing more of this tenant and provider; None stands for all. Running attempts go on."""
    await on.execute(sql("pause"), tenant_id, provider, reason, by)


async def resume(on: Executor, tenant_id: UUID | None, provider: str | None) -> bool:
    """Take back exactly this pause; False when there was none."""
    row = await on.fetchrow(sql("resume"), tenant_id, provider)
    assert row is not None
    resumed: bool = row["resumed"]
    return resumed


async def list_pauses(on: Executor) -> list[PauseView]:
    """Every pause, widest first."""
    return [PauseView(**row) for row in await on.fetch(sql("list_pauses"))]


async def list_nodes(on: Executor) -> list[NodeView]:
    """Every node that has joined and not left."""
    return [NodeView(**row) for row in await on.fetch(sql("list_nodes"))]


async def check_provider(on: Executor, provider: str) -> None:
    """Make sure that somebody knows this provider: a misspelt pause would hold nothing back.

    Raises:
        UsageError: nobody does; the sentence names the nearest one.
    """
    known = [row["provider"] for row in await on.fetch(sql("known_providers"))]
    if provider in known:
        return
    near = get_close_matches(provider, known, n=1, cutoff=0.5)
    hint = f"; did you mean {near[0]!r}?" if near else f"; there are: {', '.join(known[:10]) or 'none yet'}."
    raise UsageError(f"No tenant has an integration with {provider!r}{hint}")
