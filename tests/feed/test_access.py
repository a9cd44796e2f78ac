"""Who gets in, what he sees, and what happens when that changes under an open connection."""

from __future__ import annotations

import time
from uuid import uuid4

import pytest
import trio

from access.issuing import ISSUER, SECRET, Key, raw_token, signed
from drena.access.service_tokens import digest_of, new_token
from drena.store.access import create_token, revoke_token
from feed.viewer import open_viewer

JWT = {"issuer": ISSUER, "jwt_secret": SECRET}


async def member(stage, *offices, admin=False):
    """A user of these offices, and a token of his."""
    user = uuid4()
    for office in offices:
        await stage.pool.execute("insert into user_tenants (user_id, tenant_id) values ($1, $2)", user, office)
    return user


async def service_token(stage, *offices, scopes=("read", "run"), valid_for_s=None, name="robot"):
    token = new_token()
    await create_token(
        stage.pool, name, digest_of(token), scopes=scopes, tenants=offices or None, valid_for_s=valid_for_s
    )
    return token


def bad_tokens():
    """Name, token, and the code it deserves. Keys that are confused are in `access/test_tokens_over_the_wire.py`."""
    now = int(time.time())
    claims = {"iss": ISSUER, "aud": "authenticated", "sub": str(uuid4()), "exp": now + 3600, "iat": now}
    return {
        "none at all": (None, 4001),
        "garbage": ("x" * 50, 4001),
        "empty": ("", 4001),
        "forged": (signed("another secret, as long as the right one, and longer"), 4001),
        "alg none": (raw_token({"alg": "none", "typ": "JWT"}, claims), 4001),
        "alg None with a signature": (raw_token({"alg": "nOnE"}, claims, b"x"), 4001),
        "an unknown key": (Key("nobody").token(), 4001),
        "another audience": (signed(aud="anon"), 4001),
        "another issuer": (signed(iss="http://elsewhere.test/auth/v1"), 4001),
        "expired": (signed(exp=now - 60), 4200),
        "no subject": (signed(sub=""), 4001),
        "a service token nobody made": (new_token(), 4001),
        "a service token with a letter too many": (new_token() + "a", 4001),
        "ten thousand letters": ("a" * 10_000, 4001),
    }


@pytest.mark.parametrize("name", list(bad_tokens()))
async def test_a_bad_token_is_told_so_after_the_handshake_and_sees_nothing(feed, name):
    token, code = bad_tokens()[name]
    async with feed(auth=JWT) as stage:
        await stage.office()
        async with open_viewer(stage.url, token=token) as viewer:
            bye, closed = await viewer.end()
        assert closed == code
        assert bye is not None
        assert bye["code"] == code
        assert {frame["t"] for frame in viewer.frames} == {"bye"}
        if token:
            assert token not in str(viewer.frames)
            assert token not in str(stage.log.lines)


async def test_a_member_sees_his_offices_and_no_other(feed):
    async with feed(auth=JWT) as stage:
        mine, other = await stage.office("mine"), await stage.office("other")
        user = await member(stage, mine)
        async with open_viewer(stage.url, token=signed(sub=str(user))) as viewer:
            welcome = await viewer.until("welcome")
            assert [tenant["id"] for tenant in welcome["tenants"]] == [str(mine)]
            await viewer.until("snapshot")
            hidden, seen = await stage.job(other), await stage.job(mine)
            await viewer.when(lambda: str(seen) in viewer.view(mine).jobs)
            await viewer.say("resync", tenant=other)
            assert (await viewer.until("error"))["code"] == "not_subscribed"
            assert str(hidden) not in str(viewer.frames)


@pytest.mark.parametrize("whose", ["another's", "nobody's"])
async def test_asking_for_a_tenant_that_is_not_his_ends_it_whether_it_exists_or_not(feed, whose):
    async with feed(auth=JWT) as stage:
        mine, other = await stage.office("mine"), await stage.office("other")
        user = await member(stage, mine)
        wanted = other if whose == "another's" else uuid4()
        async with open_viewer(stage.url, token=signed(sub=str(user)), tenants=[mine, wanted]) as viewer:
            bye, code = await viewer.end()
        assert (code, bye["reason"]) == (4003, "a tenant is not yours to see")
        assert [frame["t"] for frame in viewer.frames] == ["bye"]


async def test_a_membership_taken_away_takes_the_tenant_from_an_open_connection_and_a_new_one_brings_it(feed):
    async with feed(auth=JWT) as stage:
        one, two = await stage.office("one"), await stage.office("two")
        user = await member(stage, one, two)
        async with open_viewer(stage.url, token=signed(sub=str(user))) as viewer:
            await viewer.when(lambda: len(viewer.views) == 2)
            await stage.pool.execute("delete from user_tenants where user_id = $1 and tenant_id = $2", user, two)
            welcome = await viewer.until("welcome")
            assert [tenant["id"] for tenant in welcome["tenants"]] == [str(one)]
            hidden = await stage.job(two)
            seen = await stage.job(one)
            await viewer.when(lambda: str(seen) in viewer.view(one).jobs)
            assert str(hidden) not in str(viewer.frames)
            await stage.pool.execute("insert into user_tenants (user_id, tenant_id) values ($1, $2)", user, two)
            await viewer.when(lambda: str(hidden) in viewer.view(two).jobs)


@pytest.mark.parametrize("who", ["a token for every tenant", "a global administrator", "anybody in mode open"])
async def test_who_may_see_every_tenant_sees_those_founded_later_on_the_open_connection(feed, who):
    async with feed(auth={"mode": "open"} if "open" in who else JWT) as stage:
        first = await stage.office("first")
        token = None
        if "token" in who:
            token = await service_token(stage)
        elif "admin" in who:
            user = uuid4()
            await stage.pool.execute("insert into user_roles (user_id, role) values ($1, 'admin')", user)
            token = signed(sub=str(user))
        async with (
            open_viewer(stage.url, token=token) as viewer,
            open_viewer(stage.url, token=token, tenants=[first]) as named,
        ):
            await viewer.until("snapshot")
            await named.until("snapshot")
            second = await stage.office("second")
            welcome = await viewer.until("welcome")
            assert {tenant["slug"] for tenant in welcome["tenants"]} == {"first", "second"}
            job = await stage.job(second)
            await viewer.when(lambda: str(job) in viewer.view(second).jobs)
            await stage.pool.execute("update organizacoes set nome = 'another' where id = $1", second)
            welcome = await viewer.until("welcome")
            assert {tenant["name"] for tenant in welcome["tenants"] if tenant["id"] == str(second)} == {"another"}
            seen = await stage.job(first)
            await named.when(lambda: str(seen) in named.view(first).jobs)
            assert sum(frame["t"] == "welcome" for frame in named.frames) == 1
            await viewer.when(lambda: str(seen) in viewer.view(first).jobs)
            assert viewer.view(first).snapshots == 1


async def test_a_tenant_founded_while_a_client_comes_in_is_not_missed(feed):
    """Whatever the moment: before, between and after what its session reads at its beginning."""
    async with feed(auth=JWT) as stage:
        await stage.office()
        token = await service_token(stage)
        for n in range(12):

            async def found(number: int) -> None:
                for _ in range(number):
                    await trio.lowlevel.checkpoint()
                await stage.office(f"new-{number}")

            async with trio.open_nursery() as nursery, open_viewer(stage.url, token=token) as viewer:
                nursery.start_soon(found, n)
                await viewer.when(lambda n=n: len(viewer.views) == n + 2)


async def test_the_last_membership_taken_away_ends_the_connection(feed):
    async with feed(auth=JWT) as stage:
        office = await stage.office()
        user = await member(stage, office)
        async with open_viewer(stage.url, token=signed(sub=str(user)), tenants=[office]) as viewer:
            await viewer.until("snapshot")
            await stage.pool.execute("delete from user_tenants where user_id = $1", user)
            assert (await viewer.end())[1] == 4003


async def test_a_revoked_service_token_ends_its_connections(feed):
    async with feed(auth=JWT) as stage:
        office = await stage.office()
        token = await service_token(stage, office)
        async with open_viewer(stage.url, token=token) as viewer:
            await viewer.until("snapshot")
            await revoke_token(stage.pool, "robot")
            assert (await viewer.end())[1] == 4003


async def test_an_expiring_token_is_announced_and_ends_the_connection(feed):
    async with feed(auth=JWT) as stage:
        office = await stage.office()
        token = await service_token(stage, office, valid_for_s=2.5)
        async with open_viewer(stage.url, token=token) as viewer:
            expiring = await viewer.until("auth_expiring")
            assert 0 <= expiring["in_s"] <= 2
            bye, code = await viewer.end()
        assert (code, bye["retry_ms"]) == (4200, 0)


async def test_a_fresh_token_keeps_the_connection_and_somebody_elses_ends_it(feed):
    async with feed(auth=JWT) as stage:
        office = await stage.office()
        user = await member(stage, office)
        soon = signed(sub=str(user), exp=int(time.time()) - 8)  # within the leeway
        async with open_viewer(stage.url, token=soon) as viewer:
            await viewer.until("auth_expiring")
            await viewer.say("auth", token=signed(sub=str(user)))
            ok = await viewer.until("ok")
            assert ok["exp"].endswith("Z")
            await trio.sleep(2.5)  # longer than the first token lived
            job = await stage.job(office)
            await viewer.when(lambda: str(job) in viewer.view(office).jobs)
            await viewer.say("auth", token=signed(sub=str(await member(stage, office))))
            assert (await viewer.end())[1] == 4003


async def test_open_mode_needs_no_token(feed):
    async with feed() as stage:
        await stage.office()
        async with open_viewer(stage.url) as viewer:
            await viewer.until("snapshot")
