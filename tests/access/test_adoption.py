"""Memberships of the database Drena moves into, as they are."""

from __future__ import annotations

import uuid

import pytest
import trio

import asyncpg_trio
from drena.errors import DatabaseError
from drena.store.access import read_memberships
from drena.store.migrate import migrate
from support.old_schema import TABLES

CHANGES = (
    "insert into user_tenants (user_id, tenant_id) select gen_random_uuid(), id from organizacoes",
    "update user_tenants set role = 'admin'",
    "delete from user_tenants",
    "insert into user_roles values (gen_random_uuid(), 'admin')",
    "truncate user_roles",
    "insert into drena.service_tokens (name, hash) values ('x', 'x')",
    "update drena.service_tokens set last_used_at = now()",
    "update drena.service_tokens set revoked_at = now()",
    "delete from drena.service_tokens",
)
SILENT = {5, 6}
"""A new token, and the use of one, change nothing for who is inside."""


async def test_the_old_systems_memberships_are_read_and_every_change_of_them_wakes_the_gates(empty_database):
    with trio.fail_after(60):
        async with asyncpg_trio.connect(empty_database) as conn:
            await conn.execute(TABLES)
            office = await conn.fetchval("insert into organizacoes (nome, slug) values ('a', 'a') returning id")
            user, boss = uuid.uuid4(), uuid.uuid4()
            await conn.execute(
                "insert into user_tenants (user_id, tenant_id, role) values ($1, $2, 'admin'), ($1, null, 'admin')",
                user,
                office,
            )
            await conn.execute("insert into user_roles values ($1, 'admin'), ($1, 'user'), ($2, 'user')", boss, user)
            await migrate(conn)
            found = await read_memberships(conn, [user, boss])
            assert (found[user].tenants, found[user].admin_of, found[user].sees_all) == ([office], [office], False)
            assert (found[boss].tenants, found[boss].sees_all) == ([], True)
            async with conn.listen("drena_access") as heard:
                for number, change in enumerate(CHANGES):
                    await conn.execute(change)
                    await conn.execute("select pg_notify('drena_access', 'done')")
                    payloads = [(await heard.receive()).payload]
                    while payloads[-1] != "done":
                        payloads.append((await heard.receive()).payload)
                    assert payloads == (["done"] if number in SILENT else ["", "done"]), change


@pytest.mark.parametrize(
    "column, table", [("role", "user_tenants"), ("tenant_id", "user_tenants"), ("role", "user_roles")]
)
async def test_a_table_of_the_same_name_that_is_something_else_is_refused(empty_database, column, table):
    with trio.fail_after(60):
        async with asyncpg_trio.connect(empty_database) as conn:
            await conn.execute(TABLES)
            await conn.execute(f"alter table {table} drop column {column} cascade")
            with pytest.raises(DatabaseError, match=rf"{table} has no column {column}"):
                await migrate(conn)
