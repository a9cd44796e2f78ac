"""`drena token`: what an operator types, and what lets a program in."""

from __future__ import annotations

import json

import pytest
import trio
from click.testing import CliRunner

from drena.access.service_tokens import is_service_token
from drena.cli import main
from drena.problems import Refused
from support.daemons import environment
from support.offices import add_office


def drena(database, *words, code=0, language="en"):
    """Run a command in this process; what it wrote."""
    done = CliRunner().invoke(main, ["--lang", language, "token", *words], env=environment(database), prog_name="drena")
    assert done.exit_code == code, done.output
    return done


async def run(database, *words, **more):
    return await trio.to_thread.run_sync(lambda: drena(database, *words, **more))


async def test_a_token_is_made_shown_once_used_listed_and_revoked(database, conn, gate_with):
    office = await add_office(conn, "contmax")
    made = await run(database, "create", "ci", "--tenant", "contmax", "--scope", "run", "--days", "90")
    token = made.stdout.strip()
    assert is_service_token(token)
    assert "not shown again" in made.stderr
    async with gate_with() as gate:
        who = await gate.authenticate(token, peer="10.0.0.1")
        assert (who.tenants, who.scopes) == ({office}, {"run"})
        listed = await run(database, "list", "--json")
        assert token not in listed.stdout
        (row,) = json.loads(listed.stdout)
        assert (row["name"], row["tenants"], row["scopes"], row["state"]) == ("ci", ["contmax"], ["run"], "live")
        assert row["last_used_at"] is not None
        assert "hash" not in row
        table = (await run(database, "list")).stdout
        assert "contmax" in table
        assert token not in table
        gone = await run(database, "revoke", "ci")
        assert "lets nobody in" in gone.stdout
        with pytest.raises(Refused, match="token_invalid"):
            await gate.authenticate(token, peer="10.0.0.1")
    assert json.loads((await run(database, "list", "--json")).stdout)[0]["state"] == "revoked"
    assert "could be revoked" in (await run(database, "revoke", "ci", code=2)).stderr
    again = json.loads((await run(database, "create", "ci", "--all-tenants", "--json")).stdout)
    assert (again["tenants"], again["scopes"]) == (None, ["read"])
    assert is_service_token(again["token"])
    assert "todos" in (await run(database, "list", language="pt")).stdout
    assert "already" in (await run(database, "create", "ci", "--all-tenants", code=2)).stderr
    assert json.loads((await run(database, "revoke", again["id"], "--json")).stdout)["state"] == "revoked"


@pytest.mark.parametrize(
    "words, said",
    [
        (["create", "ci"], "--all-tenants"),
        (["create", "ci", "--tenant", "contmax", "--all-tenants"], "--all-tenants"),
        (["create", "ci", "--tenant", "contmx"], "did you mean 'contmax'?"),
        (["create", " ", "--all-tenants"], "name"),
        (["create", "a\nb", "--all-tenants"], "name"),
        (["create", "ci", "--all-tenants", "--scope", "write"], "read"),
        (["create", "ci", "--all-tenants", "--days", "0"], "--days"),
        (["revoke", "nobody"], "drena token list"),
        (["creat", "ci"], "create"),
    ],
    ids=lambda value: " ".join(value).strip() if isinstance(value, list) else "",
)
async def test_wrong_words_are_answered_with_one_sentence(database, conn, words, said):
    await add_office(conn, "contmax")
    done = await run(database, *words, code=2)
    assert said in done.stderr
    assert done.stderr.count("\n") == 1
    assert done.stdout == ""
    assert await conn.fetchval("select count(*) from drena.service_tokens") == 0
