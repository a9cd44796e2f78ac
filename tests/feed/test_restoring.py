"""A database that was started anew, or put back from a backup: an offset that is told twice hides no change (I9)."""

from __future__ import annotations

import subprocess

import pytest
import trio

import asyncpg_trio
from drena.feed import server as server_module
from drena.feed import session as session_module
from drena.store.feed import Position, read_news, recognise
from drena.store.migrate import migrate
from feed.viewer import View, open_viewer
from support.postgres import PostgresServer


@pytest.fixture
async def own():
    """A server that a test may stop, with a migrated database."""
    with PostgresServer() as server:
        dsn = server.create_database("own")
        async with asyncpg_trio.connect(dsn) as conn:
            await migrate(conn)
        yield server


async def look(stage, office, before=None):
    """Connect, perhaps where another viewer stopped, and leave when nothing is missing; the viewer, and what it was
    told first of the tenant."""
    resume = {office: before.position(office)} if before is not None else {}
    async with open_viewer(stage.url, tenants=[office], resume=resume) as viewer:
        if before is not None:
            viewer.views[str(office)] = copy_of(before.view(office))
        await viewer.until("welcome")
        first = await viewer.next()
        head = await stage.pool.fetchval('select "offset" from drena.feed_head where tenant_id = $1', office)
        await viewer.when(lambda: viewer.view(office).offset >= head)
        return viewer, first


def copy_of(view):
    """So that two may go on from one place."""
    copy = View()
    copy.epoch, copy.offset, copy.things = view.epoch, view.offset, dict(view.things)
    return copy


async def change(stage, job, times):
    for _ in range(times):
        await stage.set(job, "attempts = attempts + 1")


def shown(viewer, office, job):
    return viewer.view(office).jobs[str(job)]["attempts"]


async def test_files_that_were_put_back_hide_nothing_from_whoever_had_seen_more(feed, own):
    dsn = own.dsn("own")
    async with feed(dsn=dsn) as stage:
        office = await stage.office()
        job = await stage.job(office)
        await change(stage, job, 3)
        early, _ = await look(stage, office)
        await trio.to_thread.run_sync(own.back_up, "backup")
        await change(stage, job, 4)
        late, _ = await look(stage, office)
        assert late.view(office).epoch == early.view(office).epoch
    await trio.to_thread.run_sync(own.put_back, "backup")
    async with feed(dsn=dsn) as stage:
        stage.offices["contmax"] = office
        await change(stage, job, 2)  # before anybody reads
        ahead, first = await look(stage, office, late)
        assert first["t"] == "snapshot"
        assert shown(ahead, office, job) == 5
        await change(stage, job, 4)
        passed, first = await look(stage, office, late)  # the offset he saw has been told again, of other changes
        assert passed.view(office).offset > late.view(office).offset
        assert first["t"] == "snapshot"
        assert shown(passed, office, job) == 9
        behind, first = await look(stage, office, early)  # nothing that he has seen was lost
        assert (first["t"], first["was"]) == ("delta", early.view(office).epoch)
        assert shown(behind, office, job) == 9


@pytest.mark.parametrize("way", ["dropped and created", "restored over itself"])
async def test_a_dump_that_was_restored_begins_every_feed_anew(feed, own, way):
    dump = own.root / "dump"

    def run(program, *arguments):
        subprocess.run([own.bindir / program, *arguments], check=True, capture_output=True, timeout=60)

    async with feed(dsn=own.dsn("own")) as stage:
        office = await stage.office()
        job = await stage.job(office)
        await change(stage, job, 3)
        early, _ = await look(stage, office)
        await trio.to_thread.run_sync(run, "pg_dump", "-Fc", "-f", str(dump), own.dsn("own"))
        await change(stage, job, 4)
        late, _ = await look(stage, office)
    if way == "dropped and created":
        own.drop_database("own")
        own.create_database("own")
    await trio.to_thread.run_sync(
        run, "pg_restore", "--clean", "--if-exists", "--exit-on-error", "-d", own.dsn("own"), str(dump)
    )
    async with feed(dsn=own.dsn("own")) as stage:
        await change(stage, job, 6)
        for before in (early, late):
            after, first = await look(stage, office, before)
            assert first["t"] == "snapshot"
            assert first["epoch"] != early.view(office).epoch
            assert shown(after, office, job) == 9
        assert len(stage.log.find("the database is not the one it was: every feed begins anew")) == 1


@pytest.mark.parametrize("how", ["fast", "immediate"])
async def test_a_restart_of_the_server_costs_nobody_a_snapshot(feed, own, how):
    async with feed(dsn=own.dsn("own"), poll_s=0.2) as stage:
        office = await stage.office()
        job = await stage.job(office)
        away, _ = await look(stage, office)
        async with open_viewer(stage.url, tenants=[office]) as stays:
            await stays.until("snapshot")
            for round_ in (1, 2):
                epoch = stays.view(office).epoch
                await change(stage, job, 2)
                await trio.to_thread.run_sync(own.restart, how)
                await change(stage, job, 2)
                await stays.when(lambda n=round_: shown(stays, office, job) == 4 * n)
                assert stays.view(office).epoch != epoch
            assert stays.view(office).snapshots == 1
            back, first = await look(stage, office, away)
            assert (first["t"], first["was"]) == ("delta", away.view(office).epoch)
            assert shown(back, office, job) == 8


async def test_a_database_that_stays_away_sends_clients_to_another_node_and_says_nothing_wrong_before(
    feed, own, monkeypatch
):
    monkeypatch.setattr(server_module, "SOURCE_SILENT_S", 2.0)
    monkeypatch.setattr(session_module, "HEARTBEAT_S", 1.0)
    async with feed(dsn=own.dsn("own"), poll_s=0.1) as stage:
        office = await stage.office()
        async with open_viewer(stage.url, tenants=[office]) as viewer:
            await viewer.until("hb")
            await trio.to_thread.run_sync(own.stop, "immediate")
            bye, code = await viewer.end()
        assert (bye["code"], code) == (4103, 4103)
        assert 0 <= bye["retry_ms"] <= 10_000
        hub = stage.front.hub
        with trio.fail_after(20):
            while hub.watched or hub.silence_s < 3:  # noqa: ASYNC110  # nobody watches, and it is told for how long
                await trio.sleep(0.02)
            assert not stage.front.signs()["feed"]
            await trio.to_thread.run_sync(own.start)
            while hub.silence_s:  # noqa: ASYNC110
                await trio.sleep(0.02)
        async with open_viewer(stage.url, tenants=[office]) as viewer:
            await viewer.until("hb")


async def test_a_log_that_is_back_is_noticed_though_nobody_watches_it_any_more(feed, own):
    async with feed(dsn=own.dsn("own"), poll_s=0.1) as stage:
        office = await stage.office()
        hub = stage.front.hub
        async with open_viewer(stage.url, tenants=[office]) as viewer:
            await viewer.until("snapshot")
            await trio.to_thread.run_sync(own.stop, "immediate")
            with trio.fail_after(20):
                while not hub.silence_s:  # noqa: ASYNC110  # a property tells nobody
                    await trio.sleep(0.02)
        with trio.fail_after(20):
            while hub.watched:  # noqa: ASYNC110
                await trio.sleep(0.02)
            assert hub.silence_s > 0
            await trio.to_thread.run_sync(own.start)
            while hub.silence_s:  # noqa: ASYNC110
                await trio.sleep(0.02)


async def test_a_head_that_went_backwards_begins_a_new_epoch_for_those_too_who_come_later(feed):
    async with feed() as stage:
        office = await stage.office()
        job = await stage.job(office)
        early, _ = await look(stage, office)
        await change(stage, job, 4)
        late, _ = await look(stage, office)
        # Put back by hand: the files are the same, and so is the server.
        back = early.view(office).offset
        await stage.pool.execute('delete from drena.feed_log where "offset" > $1', back)
        await stage.pool.execute('update drena.feed_head set "offset" = $1', back)
        _, first = await look(stage, office, late)
        assert first["t"] == "snapshot"
        await change(stage, job, 6)
        again, first = await look(stage, office, late)
        assert first["t"] == "snapshot"
        assert shown(again, office, job) == 10


async def test_a_client_that_lies_about_what_it_has_seen_begins_no_epoch_after_the_other(feed):
    async with feed() as stage:
        office = await stage.office()
        await stage.job(office)
        async with open_viewer(stage.url, tenants=[office]) as honest:
            await honest.until("snapshot")
            liar, epochs = honest, set()
            for _ in range(5):
                liar.view(office).offset += 1000
                liar, _ = await look(stage, office, liar)
                epochs.add(liar.view(office).epoch)
        assert len(epochs) == 1


async def test_until_a_new_run_of_the_server_is_recognised_nothing_has_an_epoch_and_one_of_many_recognises_it(pool):
    tenant = await pool.fetchval("insert into organizacoes (nome, slug) values ('n', 'new') returning id")
    await pool.execute("insert into drena.feed_head (tenant_id) values ($1)", tenant)
    await recognise(pool)  # the database is a copy of the template
    epoch = await pool.fetchval("select epoch from drena.feed_heads")
    assert epoch is not None
    await pool.execute("update drena.feed_source set started = started - interval '1 s'")
    assert await pool.fetchval("select epoch from drena.feed_heads") is None
    found = []

    async def ask():
        found.append(await recognise(pool))

    async with trio.open_nursery() as nursery:
        for _ in range(5):
            nursery.start_soon(ask)
    assert sorted(found, key=str) == [None, None, None, None, "restarted"]
    news = await read_news(pool, {tenant: Position(epoch, 0)}, 10)
    assert news[tenant].follows
    assert news[tenant].epoch != epoch
