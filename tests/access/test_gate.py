"""The gate on a real database: memberships, service tokens, and what open connections hear."""

from __future__ import annotations

import uuid
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
import trio

from access.issuing import open_issuer, signed
from drena.access.gate import CHANNEL
from drena.access.service_tokens import PREFIX, digest_of, new_token
from drena.api import Access, Authorizer
from drena.engine.wakes import listen_for_wakes
from drena.problems import Refused
from drena.store.access import create_token, list_tokens, revoke_token

HERE = "127.0.0.1"
AWAY = "203.0.113.7"


@pytest.fixture
async def offices(conn):
    rows = await conn.fetch("insert into organizacoes (nome, slug) values ('A', 'a'), ('B', 'b') returning id")
    return [row["id"] for row in rows]


async def join(conn, user, office, role="staff"):
    await conn.execute("insert into user_tenants (user_id, tenant_id, role) values ($1, $2, $3)", user, office, role)


async def refusal(gate, token, peer=AWAY):
    with pytest.raises(Refused) as caught:
        await gate.authenticate(token, peer=peer)
    return caught.value.code


async def test_a_member_sees_his_offices_and_manages_those_he_administers(gate_with, conn, offices):
    user = uuid.uuid4()
    await join(conn, user, offices[0], "admin")
    await join(conn, user, offices[1])
    async with gate_with() as gate:
        who = await gate.authenticate(signed(sub=str(user)), peer=AWAY)
    assert (who.kind, who.user_id, who.subject) == ("user", user, str(user))
    assert who.tenants == set(offices)
    assert [who.may_see(o) and who.may_act(o) for o in offices] == [True, True]
    assert [who.may_manage(o) for o in offices] == [True, False]
    assert [who.role_in(o) for o in offices] == ["admin", "staff"]
    other = uuid.uuid4()
    assert not any((who.may_see(other), who.may_act(other), who.may_manage(other)))


async def test_a_stranger_comes_in_and_sees_nothing(gate_with, offices):
    async with gate_with() as gate:
        who = await gate.authenticate(signed(), peer=AWAY)
    assert who.tenants == frozenset()
    assert not any(who.may_see(o) for o in offices)


async def test_a_global_administrator_sees_every_office_also_those_to_come(gate_with, conn, offices):
    user, plain = uuid.uuid4(), uuid.uuid4()
    await conn.execute("insert into user_roles (user_id, role) values ($1, 'admin'), ($2, 'user')", user, plain)
    async with gate_with() as gate:
        who = await gate.authenticate(signed(sub=str(user)), peer=AWAY)
        assert who.tenants is None
        assert who.may_manage(uuid.uuid4())
        assert (await gate.authenticate(signed(sub=str(plain)), peer=AWAY)).tenants == frozenset()


@pytest.mark.parametrize("token", [None, ""])
async def test_without_a_token_nobody_comes_in(gate_with, token):
    async with gate_with() as gate:
        assert await refusal(gate, token) == "unauthenticated"


async def test_without_any_setting_only_service_tokens_are_let_in(gate_with, pool):
    token = new_token()
    await create_token(pool, "ci", digest_of(token), scopes=["read"], tenants=None, valid_for_s=None)
    async with gate_with(issuer=None, jwt_secret=None) as gate:
        assert await refusal(gate, signed()) == "token_invalid"
        assert (await gate.authenticate(token, peer=AWAY)).subject == "token:ci"


async def test_open_lets_in_who_is_on_this_machine(gate_with, pool):
    token = new_token()
    await create_token(pool, "ci", digest_of(token), scopes=["read"], tenants=[], valid_for_s=None)
    async with gate_with(mode="open", jwt_secret=None, issuer=None) as gate:
        for peer in ("127.0.0.1", "127.8.8.8", "::1", "::ffff:127.0.0.1", "", "unix:/run/drena.sock"):
            who = await gate.authenticate(None, peer=peer)
            assert (who.kind, who.tenants, who.user_id) == ("open", None, None)
            assert who.may_manage(uuid.uuid4())
        for peer in ("192.168.0.9", "203.0.113.7", "::ffff:10.0.0.1", "fe80::1%eth0", "localhost", "?"):
            assert await refusal(gate, None, peer) == "unauthenticated"
            assert await refusal(gate, "any text", peer) == "unauthenticated"
        assert (await gate.authenticate(token, peer=AWAY)).kind == "service"
        assert await refusal(gate, new_token(), HERE) == "token_invalid"


async def test_a_service_token_may_do_what_its_scopes_say(gate_with, pool, offices):
    may = {}
    async with gate_with() as gate:
        for scope in ("read", "run", "manage"):
            token = new_token()
            await create_token(pool, scope, digest_of(token), scopes=[scope], tenants=offices[:1], valid_for_s=None)
            who = await gate.authenticate(token, peer=AWAY)
            may[scope] = [who.may_see(offices[0]), who.may_act(offices[0]), who.may_manage(offices[0])]
            assert (who.user_id, who.kind, who.expires_at) == (None, "service", None)
            assert who.role_in(offices[0]) == "service"
            assert not any((who.may_see(offices[1]), who.may_act(offices[1]), who.may_manage(offices[1])))
    assert may == {"read": [True, False, False], "run": [True, True, False], "manage": [True, False, True]}


async def test_a_service_token_is_stored_as_a_digest_and_its_use_is_noted(gate_with, pool, conn):
    token = new_token()
    await create_token(pool, "ci", digest_of(token), scopes=["read"], tenants=None, valid_for_s=60)
    async with gate_with() as gate:
        who = await gate.authenticate(token, peer=AWAY)
    stored = await conn.fetchval("select to_jsonb(t)::text from drena.service_tokens t")
    assert token not in stored
    assert token.removeprefix(PREFIX) not in stored
    (row,) = await list_tokens(pool)
    assert row.last_used_at is not None
    assert 0 < who.ends_at_s - trio.current_time() <= 60


async def test_a_service_token_that_is_wrong_revoked_expired_or_cut_short_is_refused(gate_with, pool, conn):
    token, dead, gone = new_token(), new_token(), new_token()
    for name, each in (("a", token), ("b", dead), ("c", gone)):
        await create_token(pool, name, digest_of(each), scopes=["read"], tenants=None, valid_for_s=60)
    await conn.execute("update drena.service_tokens set expires_at = now() - interval '1 s' where name = 'b'")
    assert await revoke_token(pool, "c") is not None
    async with gate_with() as gate:
        assert (await gate.authenticate(token, peer=AWAY)).kind == "service"
        assert await refusal(gate, dead) == "token_expired"
        assert await refusal(gate, gone) == "token_invalid"
        for wrong in (new_token(), token[:-1], token + "A", token.swapcase(), PREFIX, PREFIX + "é" * 43, token + "\0"):
            assert await refusal(gate, wrong) == "token_invalid"


async def next_or_end(changes):
    """The next principal; None when the channel has ended."""
    with trio.fail_after(30):
        try:
            return await changes.receive()
        except trio.EndOfChannel:
            return None


@pytest.fixture(params=["LISTEN", "poll"])
def followed(request, gate_with, database, log):
    """Opens a gate that hears of changes by notification, or by its poll alone."""
    from contextlib import asynccontextmanager

    @asynccontextmanager
    async def opened(**auth):
        poll_s = 60.0 if request.param == "LISTEN" else 0.05
        async with gate_with(membership_poll_s=poll_s, **auth) as gate, trio.open_nursery() as nursery:
            if request.param == "LISTEN":
                ready = trio.Event()

                def wake():
                    ready.set()
                    gate.wake()

                nursery.start_soon(listen_for_wakes, database, {CHANNEL: wake}, log)
                await ready.wait()
            yield gate
            nursery.cancel_scope.cancel()

    return opened


async def test_an_open_connection_hears_that_memberships_changed_and_ends_with_the_last(followed, conn, offices):
    user = uuid.uuid4()
    await join(conn, user, offices[0])
    async with followed() as gate:
        who = await gate.authenticate(signed(sub=str(user)), peer=AWAY)
        async with gate.follow(who) as changes:
            await join(conn, user, offices[1])
            more = await next_or_end(changes)
            assert more.tenants == set(offices)
            assert (more.expires_at, more.ends_at_s) == (who.expires_at, who.ends_at_s)
            await conn.execute("update user_tenants set role = 'admin' where tenant_id = $1", offices[0])
            assert (await next_or_end(changes)).may_manage(offices[0])
            await conn.execute("insert into user_roles (user_id, role) values ($1, 'admin')", user)
            assert (await next_or_end(changes)).tenants is None
            await conn.execute("delete from user_roles")
            assert (await next_or_end(changes)).tenants == set(offices)
            await conn.execute("delete from user_tenants")
            assert await next_or_end(changes) is None


async def test_an_open_connection_ends_with_its_service_token(followed, pool, conn):
    async with followed() as gate:
        for ending in (
            "update drena.service_tokens set revoked_at = now()",
            "update drena.service_tokens set expires_at = now()",
            "delete from drena.service_tokens",
        ):
            token = new_token()
            await conn.execute("delete from drena.service_tokens")
            await create_token(pool, "ci", digest_of(token), scopes=["read"], tenants=None, valid_for_s=None)
            who = await gate.authenticate(token, peer=AWAY)
            async with gate.follow(who) as changes:
                await conn.execute("update drena.service_tokens set scopes = '{run}'")
                assert (await next_or_end(changes)).scopes == {"run"}
                await conn.execute(ending)
                assert await next_or_end(changes) is None


async def test_an_open_connection_ends_when_its_token_expires_and_the_database_is_not_asked(gate_with, pool, conn):
    token = new_token()
    await create_token(pool, "ci", digest_of(token), scopes=["read"], tenants=[uuid.uuid4()], valid_for_s=3600)
    async with gate_with(membership_poll_s=600.0) as gate:
        long = await gate.authenticate(signed(), peer=AWAY)
        who = await gate.authenticate(token, peer=AWAY)
        who = replace(who, ends_at_s=trio.current_time() + 0.3)  # a busy machine may take longer to let him in
        async with gate.follow(long) as stays, gate.follow(who) as changes:
            assert await next_or_end(changes) is None
            assert trio.current_time() >= who.ends_at_s
            with pytest.raises(trio.WouldBlock):
                stays.receive_nowait()


async def test_what_changed_between_coming_in_and_staying_is_not_missed(gate_with, conn, offices):
    user = uuid.uuid4()
    await join(conn, user, offices[0])
    async with gate_with(membership_poll_s=600.0) as gate:
        who = await gate.authenticate(signed(sub=str(user)), peer=AWAY)
        await conn.execute("delete from user_tenants")
        gate.wake()
        async with gate.follow(who) as changes:
            assert await next_or_end(changes) is None


async def test_only_the_latest_is_kept_for_who_does_not_read_and_leaving_forgets_him(gate_with, conn, offices):
    user = uuid.uuid4()
    await join(conn, user, offices[0])
    async with gate_with(membership_poll_s=0.02) as gate:
        who = await gate.authenticate(signed(sub=str(user)), peer=AWAY)
        async with gate.follow(who) as changes, gate.follow(who) as witness:
            for role in ("admin", "staff", "admin"):
                await conn.execute("update user_tenants set role = $1", role)
                assert (await next_or_end(witness)).role_in(offices[0]) == role
            assert changes.receive_nowait().role_in(offices[0]) == "admin"
            with pytest.raises(trio.WouldBlock):
                changes.receive_nowait()
        assert len(gate._followers) == 0


async def test_a_storm_of_changes_is_few_readings(gate_with, conn, offices, pool, monkeypatch):
    readings = []

    async def counted(on, users):
        readings.append(len(users))
        return await real(on, users)

    from drena.access import gate as gate_module

    real = gate_module.read_memberships
    monkeypatch.setattr(gate_module, "read_memberships", counted)
    users = [uuid.uuid4() for _ in range(200)]
    for user in users:
        await join(conn, user, offices[0])
    async with gate_with(membership_poll_s=600.0) as gate:
        from contextlib import AsyncExitStack

        async with AsyncExitStack() as stack:
            for user in users:
                who = await gate.authenticate(signed(sub=str(user)), peer=AWAY)
                changes = await stack.enter_async_context(gate.follow(who))
            readings.clear()
            await conn.execute("update user_tenants set role = 'admin'")
            for _ in range(500):
                gate.wake()
                await trio.lowlevel.checkpoint()
            assert (await next_or_end(changes)).may_manage(offices[0])
            await trio.testing.wait_all_tasks_blocked()
    assert len(readings) <= 3
    assert max(readings) == 200


class Doors(Authorizer):
    """A plugin's authorizer that does as it is told."""

    def __init__(self) -> None:
        self.answers = {}
        self.refreshed = None

    async def authorize(self, token, peer):
        answer = self.answers.get(token)
        if isinstance(answer, BaseException):
            raise answer
        return await trio.sleep_forever() if answer == "hang" else answer

    async def refresh(self, access):
        if isinstance(self.refreshed, BaseException):
            raise self.refreshed
        return self.refreshed or access


async def test_a_plugin_may_let_people_in_with_tenants_of_its_own(gate_with, offices, log):
    doors = Doors()
    doors.answers = {
        "all": Access(subject="boss", tenants=None, admin_of=None),
        "one": Access(subject="ana", tenants=frozenset(offices[:1]), expires_at=datetime.now(UTC) + timedelta(hours=1)),
        "late": Access(subject="ana", tenants=None, expires_at=datetime.now(UTC) - timedelta(hours=1)),
        "naive": Access(subject="ana", tenants=None, expires_at=datetime(2030, 1, 1)),  # noqa: DTZ001
        "wrong": {"tenants": []},
        "bug": ZeroDivisionError("secret-token-text"),
    }
    async with gate_with(authorizer=doors) as gate:
        assert (await gate.authenticate("all", peer=AWAY)).may_manage(offices[1])
        one = await gate.authenticate("one", peer=AWAY)
        assert [one.may_see(o) for o in offices] == [True, False]
        assert await refusal(gate, "nobody") == "token_invalid"
        assert await refusal(gate, signed()) == "token_invalid"
        assert await refusal(gate, "late") == "token_expired"
        assert await refusal(gate, None) == "unauthenticated"
        for token in ("naive", "wrong", "bug"):
            assert await refusal(gate, token) == "keys_away"
    assert "ZeroDivisionError" in str(log.lines)
    assert "secret-token-text" not in str(log.lines)


async def test_a_plugin_that_hangs_lets_nobody_in_and_keeps_nobody_waiting(autojump_clock):
    doors = Doors()
    doors.answers = {"hang": "hang"}
    from drena.access.authorizers import Doorman

    with pytest.raises(Refused, match="keys_away"):
        await Doorman(doors, type("Log", (), {"error": lambda *_a, **_k: None})()).admit("hang", AWAY)


async def test_a_plugin_may_name_the_user_and_leave_the_rest_to_the_memberships(gate_with, conn, offices):
    doors, user = Doors(), uuid.uuid4()
    doors.answers = {"ana": Access(subject="ana", user_id=user), "nobody": Access(subject="x")}
    await join(conn, user, offices[0], "admin")
    async with gate_with(authorizer=doors, membership_poll_s=0.05) as gate:
        who = await gate.authenticate("ana", peer=AWAY)
        assert (who.subject, who.user_id, who.may_manage(offices[0])) == ("ana", user, True)
        assert await refusal(gate, "nobody") == "keys_away"
        async with gate.follow(who) as changes:
            await conn.execute("delete from user_tenants")
            assert await next_or_end(changes) is None


async def test_a_plugins_guest_is_asked_after_while_he_stays(gate_with, offices):
    doors = Doors()
    doors.answers = {"ana": Access(subject="ana", tenants=frozenset(offices))}
    async with gate_with(authorizer=doors, membership_poll_s=0.05) as gate:
        who = await gate.authenticate("ana", peer=AWAY)
        async with gate.follow(who) as changes:
            doors.refreshed = ZeroDivisionError()
            await trio.sleep(0.2)
            doors.refreshed = Access(subject="ana", tenants=frozenset(offices[:1]))
            assert (await next_or_end(changes)).tenants == set(offices[:1])
            doors.refreshed = Access(subject="ana", tenants=frozenset(), expires_at=datetime.now(UTC))
            assert await next_or_end(changes) is None


async def test_while_the_database_is_away_who_is_inside_stays(gate_with, conn, offices, database, server):
    user = uuid.uuid4()
    await join(conn, user, offices[0])
    async with gate_with(membership_poll_s=0.05) as gate, open_issuer():
        who = await gate.authenticate(signed(sub=str(user)), peer=AWAY)
        async with gate.follow(who) as changes:
            await conn.execute("alter table user_tenants rename to gone")
            await trio.sleep(0.3)
            with pytest.raises(trio.WouldBlock):
                changes.receive_nowait()
            await conn.execute("alter table gone rename to user_tenants")
            await conn.execute("delete from user_tenants")
            assert await next_or_end(changes) is None


async def test_a_crowd_at_the_door_leaves_the_database_to_others(gate_with, pool, conn, offices):
    async with gate_with() as gate, trio.open_nursery() as nursery:
        held = conn.transaction()
        await held.start()
        await conn.execute("lock table user_tenants in access exclusive mode")
        came_in = []

        async def come_in():
            came_in.append(await gate.authenticate(signed(), peer=AWAY))

        for _ in range(40):
            nursery.start_soon(come_in)
        await trio.testing.wait_all_tasks_blocked(0.05)
        with trio.fail_after(20):
            assert await pool.fetchval("select 1") == 1
        assert came_in == []
        await held.rollback()
    assert len(came_in) == 40
