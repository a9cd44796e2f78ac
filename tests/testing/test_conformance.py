"""The suite is green for a provider that keeps its part."""

from __future__ import annotations

from drena.testing import ProviderConformance
from testing.customers import TABLE, Customers, conversation


class CustomersSuite:
    """What the suite needs to know about `Customers` and its broken kin."""

    provider = Customers()
    entry_point = False
    cuts = 4

    def conversation(self):
        return conversation()

    async def prepare(self, conn):
        await conn.execute(TABLE)

    async def rows(self, conn):
        return [tuple(row) for row in await conn.fetch("select id, name from customers order by id")]


class TestCustomers(CustomersSuite, ProviderConformance):
    bad_settings = ({"page_size": 0},)
