"""Who asks, and what he may do. Pure.

People see the tenants they are members of, and act there; administrators of a tenant also manage its integrations. A
global administrator may everything everywhere. A program has a service token with scopes. `open` is a developer on his
own machine.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Literal
from uuid import UUID

Tenants = frozenset[UUID] | None
"""None stands for every tenant, also those to come."""

SCOPES: Final = ("read", "run", "manage")
"""What a service token may be good for. Each implies to see what it is done to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """Somebody who was let in, as he was known at that moment; `Gate.follow` tells when that changes."""

    subject: str
    """Who, for logs: a user's id, `token:<name>`, `open`."""
    kind: Literal["user", "service", "open"]
    user_id: UUID | None = None
    """Goes into `created_by`."""
    expires_at: datetime | None = None
    """UTC. With the leeway added: at this moment it is over."""
    tenants: Tenants
    admin_of: Tenants = frozenset()
    scopes: frozenset[str] = frozenset()
    """Of a service token."""
    token_id: UUID | None = None
    """Of a service token."""
    ends_at_s: float = field(default=math.inf, compare=False)
    """`expires_at` by Trio's clock, which nobody sets: wait by this one."""
    origin: object = field(default=None, compare=False, repr=False)
    """What a plugin's authorizer said of him."""
    seen: int = field(default=0, compare=False, repr=False)
    """How much the gate had heard when it read this."""

    def may_see(self, tenant_id: UUID) -> bool:
        """Whether this tenant's jobs and integrations exist for him."""
        return self.tenants is None or tenant_id in self.tenants

    def may_act(self, tenant_id: UUID) -> bool:
        """Whether he may run, cancel and retry this tenant's jobs."""
        return self.may_see(tenant_id) and (self.kind != "service" or "run" in self.scopes)

    def may_manage(self, tenant_id: UUID) -> bool:
        """Whether he may enable, pause and schedule this tenant's integrations."""
        if not self.may_see(tenant_id):
            return False
        if self.kind == "service":
            return "manage" in self.scopes
        return self.admin_of is None or tenant_id in self.admin_of

    def role_in(self, tenant_id: UUID) -> Literal["admin", "staff", "service"]:
        """What he is to a tenant he may see."""
        if self.kind == "service":
            return "service"
        return "admin" if self.may_manage(tenant_id) else "staff"

    @property
    def sees_something(self) -> bool:
        """False when nothing is left for him."""
        return self.tenants is None or bool(self.tenants)


OPEN: Final = Principal(subject="open", kind="open", tenants=None, admin_of=None)
"""Anybody on this machine, in the mode `open`."""


def user_claims(claims: Mapping[str, object]) -> UUID:
    """The user of a verified token.

    Raises:
        ValueError: `sub` is not a UUID written the usual way.
    """
    text = str(claims.get("sub"))
    user = UUID(text)
    if str(user) != text.lower():
        raise ValueError("sub is not a plain UUID")
    return user
