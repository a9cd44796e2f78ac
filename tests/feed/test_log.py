"""The feed's log in the database: whoever changes a job, in whatever transaction, adds what a client can see."""

from __future__ import annotations

import json
import random
from uuid import UUID, uuid4

import pytest
import trio

import asyncpg_trio
from drena.store.doctor import examine
from drena.store.feed import Position, read_news, read_picture, read_positions, recognise
from support.offices import add_office

LOG = "select \"offset\", split_part(key, ':', 1) as kind, key from drena.feed_log where tenant_id = $1 order by 1"


async def positions_of(conn, *offices):
    """Where feeds stand. The database is a copy of the template: it has no epochs before it was recognised."""
    await recognise(conn)
    return await read_positions(conn, offices)


async def told(conn, office, since=0):
    """Kinds of what was told after an offset."""
    return [row["kind"] for row in await conn.fetch(LOG, office) if row["offset"] > since]


async def head(conn, office):
    return await conn.fetchval('select "offset" from drena.feed_head where tenant_id = $1', office) or 0


async def request(conn, office, lane=""):
    return await conn.fetchval("select (job).id from drena.request_job($1, 'acessorias', $2)", office, lane)


async def roll_back(conn, office, lane):
    transaction = conn.transaction()
    await transaction.start()
    await request(conn, office, lane)
    await transaction.rollback()


async def test_a_request_is_one_entry_and_its_life_one_for_each_change_of_status(conn):
    office = await add_office(conn, "contmax")
    assert await told(conn, office) == ["integration"]
    job = await request(conn, office)
    assert await told(conn, office, since=1) == ["job"]
    await conn.execute("update integration_jobs set status = 'running', started_at = now() where id = $1", job)
    assert sorted(await told(conn, office, since=2)) == ["integration", "job"]
    await conn.execute("update integration_jobs set status = 'success' where id = $1", job)
    assert sorted(await told(conn, office, since=4)) == ["integration", "job"]
    offsets = [row["offset"] for row in await conn.fetch(LOG, office)]
    assert offsets == list(range(1, len(offsets) + 1))
    assert await examine(conn, patience_s=600) == []


@pytest.mark.parametrize(
    "assignments",
    [
        "progress = 40",
        """progress_detail = '{"done": 3}'""",
        """checkpoint = '{"page": 3}', lease_kept_at = now(), rescues_outlived = rescues""",
        "node_id = gen_random_uuid(), lease_token = lease_token + 1",
        """payload = '{"a": 1}'""",
        "status = status",
    ],
)
async def test_what_no_client_sees_adds_nothing(conn, assignments):
    office = await add_office(conn, "contmax")
    job = await request(conn, office)
    before = await head(conn, office)
    await conn.execute(f"update integration_jobs set {assignments} where id = $1", job)
    assert await head(conn, office) == before


async def test_a_transaction_tells_each_thing_once_however_often_it_changed_it(conn):
    office = await add_office(conn, "contmax")
    before = await head(conn, office)
    async with conn.transaction():
        job = await request(conn, office)
        for n in range(5):
            await conn.execute("update integration_jobs set priority = $2 where id = $1", job, n)
        assert await head(conn, office) == before, "nothing is taken before the commit"
    assert await told(conn, office, since=before) == ["job"]
    assert await conn.fetchval("select count(*) from drena.feed_ticks") == 0


async def test_what_was_rolled_back_was_never_told(conn):
    office = await add_office(conn, "contmax")
    before = await head(conn, office)
    async with conn.transaction():
        kept = await request(conn, office, "kept")
        await roll_back(conn, office, "gone")  # to a savepoint
    await roll_back(conn, office, "gone too")
    keys = [row["key"] for row in await conn.fetch(LOG, office)][before:]
    assert keys == [f"job:{kept}"]


async def test_a_savepoint_rolled_back_first_does_not_silence_what_follows(conn):
    office = await add_office(conn, "contmax")
    before = await head(conn, office)
    async with conn.transaction():
        await roll_back(conn, office, "gone")
        await request(conn, office, "kept")
    assert await told(conn, office, since=before) == ["job"]


async def test_a_deleted_job_is_told_and_read_as_gone(conn):
    office = await add_office(conn, "contmax")
    job = await request(conn, office)
    (since,) = (await positions_of(conn, office)).values()
    await conn.execute("delete from integration_jobs where id = $1", job)
    news = (await read_news(conn, {office: since}, 100))[office]
    assert [(change.key, change.value) for change in news.changes] == [(f"job:{job}", None)]


async def test_a_job_that_moves_to_another_tenant_is_gone_for_the_first(conn):
    one, other = await add_office(conn, "one"), await add_office(conn, "other")
    job = await request(conn, one)
    positions = await positions_of(conn, one, other)
    await conn.execute("update integration_jobs set tenant_id = $2 where id = $1", job, other)
    news = await read_news(conn, positions, 100)
    assert [(change.key, change.value) for change in news[one].changes] == [(f"job:{job}", None)]
    (change,) = news[other].changes
    assert json.loads(change.value)["tenant_id"] == str(other)


async def test_one_statement_over_many_tenants_moves_each_head_by_its_own_changes(conn):
    offices = [await add_office(conn, f"office-{n}") for n in range(5)]
    before = {office: await head(conn, office) for office in offices}
    await conn.execute(
        "insert into integration_jobs (tenant_id, provider_slug, lane) "
        "select t.id, 'acessorias', n::text from unnest($1::uuid[]) with ordinality as t(id, place), "
        "generate_series(1, place) n",
        offices,
    )
    assert [await head(conn, office) - before[office] for office in offices] == [1, 2, 3, 4, 5]
    assert await examine(conn, patience_s=600) == []


async def test_somebody_without_any_right_on_drenas_schema_is_told_of_all_the_same(conn):
    office = await add_office(conn, "contmax")
    role = f"browser_{uuid4().hex[:8]}"
    await conn.execute(f"create role {role}; grant usage on schema public to {role}")
    await conn.execute(f"grant select, update on public.tenant_integrations to {role}")
    before = await head(conn, office)
    async with conn.transaction():
        await conn.execute(f"set local role {role}")
        await conn.execute("update public.tenant_integrations set is_enabled = false")
    assert await told(conn, office, since=before) == ["integration"]
    await conn.execute(f"revoke all on public.tenant_integrations from {role}; revoke all on schema public from {role}")
    await conn.execute(f"drop role {role}")


async def test_pauses_and_schedules_show_in_the_integration(conn):
    office = await add_office(conn, "contmax")
    (since,) = (await positions_of(conn, office)).values()

    async def read():
        nonlocal since
        news = (await read_news(conn, {office: since}, 100))[office]
        since = Position(news.epoch, news.upto)
        (change,) = news.changes
        return json.loads(change.value)

    await conn.execute("select drena.pause()")
    paused = await read()
    assert paused["paused"] is True
    await conn.execute("select drena.resume()")
    resumed = await read()
    assert (resumed["paused"], resumed["version"] > paused["version"]) == (False, True)
    await conn.execute(
        "insert into drena.schedules (tenant_id, provider_slug, cron, next_at) values ($1, 'acessorias', '0 6 * * *', "
        "'2030-01-01 06:00Z')",
        office,
    )
    scheduled = await read()
    assert scheduled["schedule"] == {"cron": "0 6 * * *", "timezone": "America/Sao_Paulo"}
    assert scheduled["next_at"] == "2030-01-01T06:00:00Z"


async def test_a_view_holds_times_in_utc_and_never_a_payload_a_checkpoint_or_a_config(conn):
    office = await add_office(conn, "contmax", config={"secret": "s3cret"})
    job = await request(conn, office)
    await conn.execute(
        """update integration_jobs set payload = '{"x": "s3cret"}', checkpoint = '{"x": "s3cret"}',
        created_at = '2026-01-02 03:04:05.678-03', run_at = 'infinity', result = '{"x": 1}' where id = $1""",
        job,
    )
    await conn.execute("set timezone = 'America/Sao_Paulo'")
    await recognise(conn)
    picture = await read_picture(conn, office, ended=20, active=100)
    text = "".join(picture.jobs + picture.integrations)
    assert "s3cret" not in text
    view = json.loads(picture.jobs[0])
    assert (view["created_at"], view["run_at"], view["result"]) == ("2026-01-02T06:04:05.678Z", None, {"x": 1})
    await conn.execute("update integration_jobs set result = to_jsonb(repeat('x', 5000)) where id = $1", job)
    view = json.loads((await read_picture(conn, office, ended=20, active=100)).jobs[0])
    assert (view["result"], view["result_omitted"]) == (None, True)


async def test_nobody_is_notified_unless_somebody_reads(conn, database):
    office = await add_office(conn, "contmax")
    async with asyncpg_trio.connect(database) as listener, listener.listen("drena_feed") as notifications:
        await request(conn, office, "unread")
        await conn.execute("select pg_notify('drena_feed', 'mark')")
        with trio.fail_after(5):
            assert (await notifications.receive()).payload == "mark"
        await conn.execute("insert into drena.feed_watch values (gen_random_uuid(), now() + interval '1 minute')")
        await request(conn, office, "read")
        with trio.fail_after(5):
            assert (await notifications.receive()).payload == ""


async def test_transactions_that_take_jobs_and_integrations_in_any_order_never_lock_each_other_out_over_heads(
    pool, conn
):
    """Statements that touch many tenants in random order, several to a transaction, as nobody should write them. Jobs
    and integrations are each of one writer alone, so that heads are all they share."""
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    chance = random.Random(seed)
    offices = [await add_office(conn, f"office-{n}") for n in range(6)]
    writers = 6
    jobs: dict[int, list[UUID]] = {writer: [] for writer in range(writers)}
    for writer in range(writers):
        for office in offices:
            await conn.execute(
                "insert into tenant_integrations (tenant_id, provider) values ($1, $2)", office, f"p{writer}"
            )
            query = "select (job).id from drena.request_job($1, $2)"
            jobs[writer].append(await conn.fetchval(query, office, f"p{writer}"))

    async def write(writer: int) -> None:
        for _ in range(25):
            async with pool.acquire() as own, own.transaction():
                for _ in range(chance.randrange(1, 4)):
                    some = chance.sample(jobs[writer], chance.randrange(1, 6))
                    status = chance.choice(("pending", "running"))
                    await own.execute(
                        "update integration_jobs set status = $2, attempts = attempts + 1 where id = any ($1)",
                        some,
                        status,
                    )
                    await trio.sleep(chance.random() * 0.002)

    with trio.fail_after(60):
        async with trio.open_nursery() as nursery:
            for writer in range(writers):
                nursery.start_soon(write, writer)
    assert [finding for finding in await examine(conn) if finding.invariant == "I9"] == []
    rows = await conn.fetch(
        'select h."offset" = count(*) and count(*) = count(distinct l."offset") as whole '
        'from drena.feed_head h join drena.feed_log l using (tenant_id) group by h.tenant_id, h."offset"'
    )
    assert [row["whole"] for row in rows] == [True] * len(offices)
