"""Two offices with an integration each, and principals of every kind."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from drena.access import Principal
from drena.plugins import PluginHost
from support.offices import add_office

if TYPE_CHECKING:
    import asyncpg_trio

HOST = PluginHost({"acessorias": None}, [])  # type: ignore[dict-item]
"""A node that has the provider; nobody calls it here."""


@dataclass
class Office:
    """A tenant, its integration, and who acts there."""

    id: uuid.UUID
    integration: uuid.UUID

    def staff(self, **changes: Any) -> Principal:
        user = uuid.uuid4()
        given = {"subject": str(user), "kind": "user", "user_id": user, "tenants": frozenset([self.id]), **changes}
        return Principal(**given)

    def admin(self) -> Principal:
        return self.staff(admin_of=frozenset([self.id]))

    def program(self, *scopes: str) -> Principal:
        return self.staff(subject="token:x", kind="service", user_id=None, scopes=frozenset(scopes))


@pytest.fixture
async def offices(pool: asyncpg_trio.Pool) -> tuple[Office, Office]:
    """Ours and another."""
    found = []
    for slug in ("ours", "theirs"):
        office = await add_office(pool, slug)
        integration = await pool.fetchval("select id from tenant_integrations where tenant_id = $1", office)
        found.append(Office(office, integration))
    return found[0], found[1]


@pytest.fixture
def ours(offices: tuple[Office, Office]) -> Office:
    return offices[0]


@pytest.fixture
def theirs(offices: tuple[Office, Office]) -> Office:
    return offices[1]


@pytest.fixture
def boss() -> Principal:
    """A global administrator."""
    user = uuid.uuid4()
    return Principal(subject=str(user), kind="user", user_id=user, tenants=None, admin_of=None)
