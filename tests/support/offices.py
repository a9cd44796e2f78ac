"""Offices and integrations for tests."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from uuid import UUID

if TYPE_CHECKING:
    import asyncpg_trio


async def add_office(
    conn: asyncpg_trio.Connection,
    slug: str,
    *,
    provider: str = "acessorias",
    base_url: str = "http://127.0.0.1:9",
    config: dict[str, Any] | None = None,
    enabled: bool = True,
) -> UUID:
    """Add a tenant with one integration; returns the tenant's id."""
    office: UUID = await conn.fetchval(
        "insert into organizacoes (nome, slug) values ($1, $2) returning id", f"Escritório {slug}", slug
    )
    await conn.execute(
        "insert into tenant_integrations (tenant_id, provider, base_url, config, is_enabled) "
        "values ($1, $2, $3, $4::jsonb, $5)",
        office,
        provider,
        base_url,
        json.dumps(config or {}),
        enabled,
    )
    return office
