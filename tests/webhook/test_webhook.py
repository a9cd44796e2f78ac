"""The webhook on a real database, real nodes and a real server with faults."""

from __future__ import annotations

import hashlib
import hmac
import time
from contextlib import asynccontextmanager

import pytest
import trio

from drena.api import GiveUp
from drena_webhook import Webhook, observer
from drena_webhook.letters import MOST_TRIES, next_wait_s, sign, write
from engine.node import Script, open_node
from support.waiting import wait_until
from webhook.receiver import open_receiver

SECRET = "sixteen-characters-or-more"


async def work(ctx):
    await trio.lowlevel.checkpoint()


async def fail(ctx):  # noqa: ASYNC124
    raise GiveUp("token_invalid", "O token foi recusado: peça outro.")


@asynccontextmanager
async def node_with(database, url, *, secret=SECRET):
    environ = {"WEBHOOK_URL": url, "WEBHOOK_SECRET": secret}
    async with open_node(database, Script(work=work, fail=fail), observers=[Webhook()], environ=environ) as node:
        yield node


async def settled(conn, number):
    """So many changes are told, and none waits."""
    await wait_until(
        conn,
        "select count(*) filter (where told_at is not null and state <> 'began') = $1 "
        "and count(*) filter (where next_try_at is not null) = 0 from drena.observer_changes",
        number,
    )


@pytest.fixture
def hurried(monkeypatch):
    """Tries follow each other at once."""
    monkeypatch.setattr("drena_webhook.letters.FIRST_WAIT_S", 0.05)
    monkeypatch.setattr("drena_webhook.letters.LONGEST_WAIT_S", 0.2)


async def begun(conn):
    await wait_until(conn, "select exists (select from drena.observer_changes where state = 'began')")


async def test_it_tells_when_an_integration_starts_failing_and_when_it_recovers_and_nothing_else(database):
    async with open_receiver() as receiver, node_with(database, receiver.url) as node:
        await begun(node.conn)
        for act in ("work", "fail", "fail", "fail", "work", "work", "fail"):
            await node.perform(act)
            await looked(node)
        posts = await receiver.expect(3)
        await settled(node.conn, 3)
    assert [post.event for post in posts] == ["integration.failing", "integration.recovered", "integration.failing"]
    first = posts[0].json
    assert (first["provider"], first["tenant"]["slug"], first["job"]["code"]) == ("script", "contmax", "token_invalid")
    assert first["job"]["message"] == "O token foi recusado: peça outro."
    assert len({post.json["id"] for post in posts}) == 3


async def looked(node):
    """Wait until the webhook has looked at the last job: its state is what the last job says."""
    await wait_until(
        node.conn,
        "select coalesce((select state from drena.observer_changes where provider_slug <> '' "
        "order by number desc limit 1), 'recovered') = "
        "(select case status when 'error' then 'failing' else 'recovered' end "
        "from integration_jobs order by created_at desc limit 1)",
    )


async def test_a_receiver_can_tell_that_it_is_genuine(database):
    async with open_receiver() as receiver, node_with(database, receiver.url) as node:
        await begun(node.conn)
        await node.perform("fail")
        (post,) = await receiver.expect(1)
    t, v1 = (part.partition("=")[2] for part in post.headers["drena-signature"].split(","))
    assert abs(time.time() - int(t)) < 60
    assert v1 == hmac.new(SECRET.encode(), t.encode() + b"." + post.body, hashlib.sha256).hexdigest()
    assert v1 != sign(SECRET + "!", int(t), post.body)
    assert post.headers["drena-delivery"] == post.json["id"]
    assert post.headers["drena-event"] == "integration.failing"


@pytest.mark.usefixtures("hurried")
async def test_every_fault_of_the_server_is_tried_again_with_the_same_delivery(database, monkeypatch):
    monkeypatch.setattr(observer, "POST_S", 0.5)
    faults = [500, "reset", "mute", 302, 404, 429, "hang", 503]
    async with open_receiver() as receiver, node_with(database, receiver.url) as node:
        receiver.faults = list(faults)
        await begun(node.conn)
        await node.perform("fail")
        posts = await receiver.expect(len(faults) + 1)
        await settled(node.conn, 1)
        refused = node.log.find("webhook not told, will try again")
    assert len(posts) == len(faults) + 1
    assert len({post.headers["drena-delivery"] for post in posts}) == 1
    assert [line["tries"] for line in refused] == list(range(1, len(faults) + 1)), [line["reason"] for line in refused]
    assert "a-long-token-in-the-path" not in str(refused)
    assert SECRET not in str(refused)


@pytest.mark.usefixtures("hurried")
async def test_it_gives_up_after_so_many_tries_and_the_next_change_goes_on(database, monkeypatch):
    monkeypatch.setattr("drena_webhook.letters.MOST_TRIES", 3)
    async with open_receiver() as receiver, node_with(database, receiver.url) as node:
        receiver.faults = [500, 500, 500]
        await begun(node.conn)
        await node.perform("fail")
        await wait_until(node.conn, "select exists (select from drena.observer_changes where tries = 3 "
                                    "and next_try_at is null and told_at is null)")  # fmt: skip
        await node.perform("work")
        posts = await receiver.expect(4)
        await settled(node.conn, 1)
        assert len(node.log.find("webhook given up")) == 1
    assert [post.event for post in posts] == ["integration.failing"] * 3 + ["integration.recovered"]


async def test_what_was_not_told_when_a_node_ended_is_told_by_the_next_in_order(database):
    async with open_receiver() as receiver:
        receiver.faults = [500]
        async with node_with(database, receiver.url) as node:
            await begun(node.conn)
            await node.perform("fail")
            await receiver.expect(1)
            await node.perform("work")
            await looked(node)
        assert len(receiver.posts) == 1
        async with node_with(database, receiver.url) as node:
            await node.conn.execute(
                "update drena.observer_changes set next_try_at = now() where next_try_at is not null"
            )
            posts = await receiver.expect(3)
            await settled(node.conn, 2)
    assert [post.event for post in posts] == ["integration.failing"] * 2 + ["integration.recovered"]


async def test_a_change_that_no_node_saw_is_found_in_the_database(database):
    """The job's end was written and the node died before it could tell its observer."""
    async with open_receiver() as receiver:
        async with node_with(database, receiver.url) as node:
            await begun(node.conn)
            await node.office("contmax")
            await node.conn.execute("select outcome from drena.request_job($1, 'script')", node.offices["contmax"])
            await node.conn.execute(
                "update integration_jobs set status = 'error', error_code = 'lost' where status = 'pending'"
            )
        async with node_with(database, receiver.url):
            (post,) = await receiver.expect(1)
    assert post.json["job"]["code"] == "lost"


async def test_several_nodes_tell_each_change_once(database):
    async with open_receiver() as receiver, node_with(database, receiver.url) as one:
        await begun(one.conn)
        async with node_with(database, receiver.url) as two, node_with(database, receiver.url) as three:
            for act in ("fail", "work", "fail", "work"):
                for n in range(6):
                    await one.request(act, office=f"office-{n}")
                await all_noted(one.conn, act)
            await settled(one.conn, 24)
            told = [len(node.log.find("webhook told")) for node in (one, two, three)]
            assert sum(told) == 24
    assert len(receiver.posts) == 24
    assert len({post.headers["drena-delivery"] for post in receiver.posts}) == 24


async def all_noted(conn, act):
    await wait_until(
        conn,
        "select count(*) = 6 from (select distinct on (tenant_id) state from drena.observer_changes "
        "where provider_slug <> '' order by tenant_id, number desc) s where s.state = $1",
        "failing" if act == "fail" else "recovered",
    )


async def test_what_fails_before_the_webhook_is_set_up_is_not_told_but_its_recovery_is(database):
    async with open_receiver() as receiver:
        async with open_node(database, Script(work=work, fail=fail)) as node:
            await node.perform("fail")
            await node.perform("fail", office="other")
            offices = node.offices
        async with node_with(database, receiver.url) as node:
            node.offices |= offices
            await begun(node.conn)
            await node.perform("fail")
            await node.perform("work", office="other")
            (post,) = await receiver.expect(1)
            await settled(node.conn, 3)
        assert len(receiver.posts) == 1
        assert (post.event, post.json["tenant"]["slug"]) == ("integration.recovered", "other")


NOWHERE = {"WEBHOOK_URL": "http://127.0.0.1:9/"}


@pytest.mark.parametrize("environ", [{}, NOWHERE, NOWHERE | {"WEBHOOK_SECRET": "too-short"}])
async def test_without_its_two_settings_it_says_so_once_and_notes_nothing(database, environ):
    async with open_node(database, Script(fail=fail), observers=[Webhook()], environ=environ) as node:
        for _ in range(3):
            await node.perform("fail")
        assert len(node.log.find("the webhook is not set up; nothing is posted")) == 1
        assert await node.conn.fetchval("select count(*) from drena.observer_changes") == 0


def test_waits_grow_to_an_hour_honour_the_server_and_end():
    waits = [next_wait_s(tries, None, 0.99) for tries in range(1, MOST_TRIES)]
    assert waits == sorted(waits)
    assert 9 < waits[0] < 10
    assert waits[-1] <= 3600
    assert sum(waits) > 8 * 3600
    assert next_wait_s(MOST_TRIES, None, 0.5) is None
    assert next_wait_s(1, "120", 0.5) == 120
    assert next_wait_s(1, "99999999999999999999", 0.5) == 3600
    for odd in ("", "-1", "soon", "²", "1e9", "Wed, 21 Oct 2026 07:28:00 GMT"):
        assert next_wait_s(1, odd, 0.5) < 11


def test_a_notice_differs_between_tries_in_its_signature_alone():
    facts = {"provider": "p", "tenant": {}, "job": {}}
    first, again = (
        write("an-id", "failing", "2026-11-23T00:00:00Z", facts, secret=SECRET, now_s=now_s) for now_s in (1, 2)
    )
    assert first.body == again.body
    assert {name for name in first.headers if first.headers[name] != again.headers[name]} == {"Drena-Signature"}
