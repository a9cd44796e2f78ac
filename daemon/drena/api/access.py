"""What the hook `drena_authorizer` returns. Plugins import it from `drena.api`."""

from __future__ import annotations

from abc import ABC, abstractmethod
from datetime import datetime
from uuid import UUID

import msgspec


class Access(msgspec.Struct, frozen=True, kw_only=True):
    """Whom an authorizer let in, and to what."""

    subject: str
    """Who, for logs."""
    user_id: UUID | None = None
    """Written to the jobs he asks for."""
    tenants: frozenset[UUID] | msgspec.UnsetType | None = msgspec.UNSET
    """What he sees and runs; None is every tenant. Left out, it is what `user_tenants` and `user_roles` say of
    `user_id`, with every change of it."""
    admin_of: frozenset[UUID] | None = frozenset()
    """Where he may also manage integrations; None is everywhere. It counts together with `tenants`."""
    expires_at: datetime | None = None
    """With a time zone. Open connections end then."""


class Authorizer(ABC):
    """Lets people in, in place of the built-in JSON Web Tokens. Its methods have four seconds."""

    @abstractmethod
    async def authorize(self, token: str, peer: str) -> Access | None:
        """Who the bearer of this token is; None lets nobody in. What it raises is told as temporary.

        Args:
            token: what the client sent; never a service token.
            peer: the client's address; empty for a Unix socket.
        """

    async def refresh(self, access: Access) -> Access | None:
        """What somebody with an open connection may see by now; None ends it. Asked every `auth.membership_poll_s`."""
        return access
