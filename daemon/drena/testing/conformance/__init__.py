"""The suite every provider should pass: what Drena promises only holds with providers that keep their part.

    class TestAcme(ProviderConformance):
        provider = Acme()

        def conversation(self) -> Conversation:
            return Conversation().answer("GET", "/items", json=[...])

        async def rows(self, conn: Connection) -> list[tuple[object, ...]]:
            return [tuple(row) for row in await conn.fetch("select id, name from items order by id")]

Its tests run on the real engine and a real database, under pytest-trio's `autojump_clock`: waits for retries and for
the pace take no time. Each failure says what the provider did wrong and what to do.
"""

from __future__ import annotations

import pytest

from drena.testing.conformance.answers import Answers
from drena.testing.conformance.manners import Manners
from drena.testing.conformance.obeying import Obeying
from drena.testing.conformance.resuming import Resuming

__all__ = ["ProviderConformance"]


@pytest.mark.trio
class ProviderConformance(Resuming, Obeying, Answers, Manners):
    """Subclass it as `TestSomething`; set `provider`, write `conversation` and `rows`. See `Subject` for the rest."""
