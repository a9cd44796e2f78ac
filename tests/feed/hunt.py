"""The gap hunt: writers change jobs through every path while clients connect, die, sleep, lag and resume, nodes are
killed and the database restarts. At the end each client's view must equal the database's.

    make gap-hunt ARGS="--seed 7 --minutes 5 --writers 32 --tenants 50 --clients 200"

A client checks while it reads: offsets without a gap, no delta of another epoch, parts in order, nothing of a tenant
that is not its own (`feed.viewer`).
"""

from __future__ import annotations

import argparse
import json
import random
import re
import tempfile
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

import trio

import asyncpg_trio
from drena.engine.outages import PASSING
from drena.feed.websocket import Gone, open_client
from drena.store.doctor import examine
from drena.store.migrate import migrate
from faults.provider.drena_ticker import TICKS
from feed.viewer import View, Viewer
from support.nodes import Fleet, install_ticker
from support.offices import add_office
from support.postgres import PostgresServer

if TYPE_CHECKING:
    from collections.abc import Callable

WITHOUT = ("version", "progress", "progress_detail")
"""Progress is outside the offsets, and moves a job's version."""
TRUTH = """
select 'job:' || j.id as key, drena.job_view(j)::text as value from integration_jobs j where j.tenant_id = $1
union all
select 'integration:' || t.id, drena.integration_view(t)::text from tenant_integrations t where t.tenant_id = $1
"""
SNAPSHOT = """
select 'job:' || j.id as key from integration_jobs j
where j.tenant_id = $1 and (j.status in ('pending', 'running') or j.id in (
    select r.id from integration_jobs r
    where r.tenant_id = $1 and r.provider_slug = j.provider_slug and r.status in ('success', 'error', 'canceled')
    order by r.created_at desc, r.id desc limit 20))
union all select 'integration:' || t.id from tenant_integrations t where t.tenant_id = $1
"""
HEADS = 'select tenant_id, "offset" from drena.feed_head'
ACTIVE = "status in ('pending', 'running')"
MINE = "tenant_id = $tenant and provider_slug = $provider"
ACTS = (
    """select outcome from drena.request_job($tenant, $provider, $lane, '{"pages": 2}')""",
    "insert into integration_jobs (tenant_id, provider_slug, lane) values ($tenant, $provider, 'i' || random())",
    f"update integration_jobs set status = 'running', started_at = now() where {MINE} and status = 'pending'",
    "update integration_jobs set progress = progress + 1 where tenant_id = $tenant and status = 'running'",
    f"update integration_jobs set status = 'success', result = $data::jsonb where {MINE} and status = 'running'",
    f"update integration_jobs set status = 'error', error_message = $lane where {MINE} and {ACTIVE}",
    f"select c.outcome from integration_jobs j, lateral drena.cancel_job(j.id) c where {MINE}",
    f"delete from integration_jobs where {MINE} and status = 'success' and lane <> $lane",
    "update tenant_integrations set is_enabled = not is_enabled where tenant_id = $tenant and provider = 'old'",
    "select drena.pause($tenant, $provider)",
    "select drena.resume($tenant, $provider)",
    # over all the other tenants at once
    """update integration_jobs set priority = priority + 1
       where provider_slug = $provider and status = 'pending' and tenant_id <> $tenant""",
)


def numbered(act: str, values: dict[str, Any]) -> tuple[str, list[Any]]:
    """A statement with numbers in place of names, and its arguments."""
    names = list(dict.fromkeys(re.findall(r"\$(\w+)", act)))
    return re.sub(r"\$(\w+)", lambda found: f"${names.index(found[1]) + 1}", act), [values[name] for name in names]


@dataclass
class Hunt:
    """What is going on."""

    fleet: Fleet
    offices: list[UUID]
    chance: random.Random
    ports: list[int]
    over: trio.Event = field(default_factory=trio.Event)
    acts: int = 0
    connections: int = 0
    resumed: int = 0
    snapshots: int = 0

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self.chance.choice(self.ports)}"


async def write(hunt: Hunt, writer: int) -> None:
    """Change things until it is over; what the rules of the queue refuse, and what an outage breaks, is let go."""
    chance = random.Random(hunt.chance.random())
    while not hunt.over.is_set():
        try:
            async with hunt.fleet.pool.acquire() as conn, conn.transaction():
                for _ in range(chance.choice((1, 1, 1, 3))):
                    act = chance.choice(ACTS)
                    values = {
                        "tenant": chance.choice(hunt.offices),
                        "provider": "ticker" if "request_job" in act and chance.random() < 0.3 else "old",
                        "lane": chance.choice("abc"),
                        "data": json.dumps({"x": "y" * chance.randrange(300)}),
                    }
                    statement, arguments = numbered(act, values)
                    await conn.execute(statement, *arguments)
                if chance.random() < 0.1:
                    raise ZeroDivisionError
            hunt.acts += 1
        except (*PASSING, asyncpg_trio.IntegrityConstraintViolationError, ZeroDivisionError):
            pass
        await trio.sleep(chance.random() * 0.1)


class Client:
    """Somebody with a flaky life."""

    def __init__(self, hunt: Hunt) -> None:
        self.hunt = hunt
        self.chance = random.Random(hunt.chance.random())
        self.tenants = self.chance.sample(hunt.offices, self.chance.randrange(1, min(6, len(hunt.offices)) + 1))
        self.views: dict[str, View] = {}

    async def live(self) -> None:
        """Connect again and again."""
        while not self.hunt.over.is_set():
            with trio.move_on_after(self.chance.uniform(0.2, 4)):
                await self.read(lambda: False, naps=True)
            if self.chance.random() < 0.1:
                self.views = {}  # a browser that was restarted
            await trio.sleep(self.chance.random() * 0.5)

    async def read(self, enough: Callable[[], bool], *, naps: bool = False) -> None:
        """One connection: read until it is enough, or it ends."""
        resume = {t: {"epoch": v.epoch, "offset": v.offset} for t, v in self.views.items() if v.epoch}
        try:
            async with open_client(self.hunt.url, subprotocol="drena.v1") as connection:
                viewer = Viewer(connection)
                viewer.views = self.views
                for view in self.views.values():
                    view.parts = []
                self.hunt.connections += 1
                await viewer.say("hello", tenants=[str(tenant) for tenant in self.tenants], resume=resume)
                while not enough():
                    frame = await viewer.next()
                    viewer.frames.clear()
                    self._judge(frame, resume)
                    if naps and self.chance.random() < 0.02:
                        await trio.sleep(self.chance.random())
        except* (Gone, trio.TooSlowError, OSError, trio.BrokenResourceError):
            pass

    def _judge(self, frame: dict[str, Any], resume: dict[str, Any]) -> None:
        if (tenant := frame.get("tenant")) is not None:
            assert UUID(tenant) in self.tenants, f"a frame of a tenant that was not asked for: {frame}"
        self.hunt.snapshots += frame["t"] == "snapshot"
        self.hunt.resumed += frame["t"] == "delta" and frame["tenant"] in resume

    async def arrive(self, heads: dict[UUID, int]) -> None:
        """Read until nothing is missing."""

        def arrived() -> bool:
            return all(str(t) in self.views and self.views[str(t)].offset >= heads[t] for t in self.tenants)

        with trio.fail_after(60):
            while not arrived():
                await self.read(arrived)
                await trio.sleep(0.1)

    def compare(self, truth: dict[UUID, dict[str, Any]], visible: dict[UUID, set[str]]) -> None:
        """The view equals the database's."""
        for tenant in self.tenants:
            held = self.views[str(tenant)].things
            missing = visible[tenant] - held.keys()
            assert not missing, f"{tenant}: the client lacks {missing}"
            for key, value in held.items():
                assert key in truth[tenant], f"{tenant}: {key} is gone from the database, the client has {value}"
                assert plain(value) == plain(truth[tenant][key]), f"{tenant}: {key} differs"


def plain(value: dict[str, Any]) -> dict[str, Any]:
    return {name: each for name, each in value.items() if name not in WITHOUT}


async def keep_node(hunt: Hunt, number: int, lives_s: tuple[float, float] | None) -> None:
    """Run a node; kill it now and then, or stop it, and start it again."""
    chance = random.Random(hunt.chance.random())
    while True:
        settings = {
            "auth__mode": "open",
            "feed__listen": f"127.0.0.1:{hunt.ports[number]}",
            "feed__max_per_address": 5000,
        }
        async with hunt.fleet.node(f"node-{number}", joined=False, feed__max_unauthenticated=5000, **settings) as node:
            await node.logged("feed listening")  # a process that has not begun to listen does not obey SIGTERM either
            with trio.move_on_after(1e9 if lives_s is None else chance.uniform(*lives_s)):
                await hunt.over.wait()
            if hunt.over.is_set():
                await trio.sleep_forever()
            if chance.random() < 0.5:
                await node.kill()


async def hunt_gaps(
    server: PostgresServer,
    folder: Path,
    *,
    seed: int,
    seconds: float,
    writers: int,
    tenants: int,
    clients: int,
    node_lives_s: tuple[float, float] | None = (3, 10),
    restarts: int = 1,
) -> Hunt:
    """One hunt; raises when a promise was broken."""
    chance = random.Random(seed)
    dsn = server.create_database()
    async with AsyncExitStack() as stack:
        async with asyncpg_trio.connect(dsn) as conn:
            await migrate(conn)
            await conn.execute(TICKS)
            offices = [await add_office(conn, f"office-{n}", provider="old") for n in range(tenants)]
            await conn.execute(
                "insert into tenant_integrations (tenant_id, provider) select id, 'ticker' from organizacoes"
            )
        pool = await stack.enter_async_context(asyncpg_trio.create_pool(dsn, min_size=0, max_size=writers + 2))
        (folder / "plugins").mkdir()
        fleet = Fleet(pool, dsn, install_ticker(folder / "plugins"), folder / "journal")
        hunt = Hunt(fleet, offices, chance, [free_port() for _ in range(2)])
        people = [Client(hunt) for _ in range(clients)]
        async with trio.open_nursery() as nodes:
            for number in range(len(hunt.ports)):
                nodes.start_soon(keep_node, hunt, number, node_lives_s)
            async with trio.open_nursery() as nursery:
                for writer in range(writers):
                    nursery.start_soon(write, hunt, writer)
                for client in people:
                    nursery.start_soon(client.live)
                for _ in range(restarts):
                    await trio.sleep(seconds / (restarts + 1))
                    await trio.to_thread.run_sync(server.restart, chance.choice(("fast", "immediate")))
                await trio.sleep(seconds / (restarts + 1))
                hunt.over.set()
            await settle(hunt, people)
            nodes.cancel_scope.cancel()
        return hunt


async def settle(hunt: Hunt, people: list[Client]) -> None:
    """Nobody writes any more: everybody reads to the end, and then all views are compared."""
    pool = hunt.fleet.pool
    await hunt.fleet.ask("select drena.pause()")
    await hunt.fleet.ask(
        "update integration_jobs set status = 'error', error_message = 'over' where status = 'pending'"
    )
    await hunt.fleet.until(
        "select not exists (select from integration_jobs where status = 'running' and node_id is not null)", limit_s=60
    )
    heads = {
        row["tenant_id"]: row["offset"] for row in await pool.fetch('select tenant_id, "offset" from drena.feed_head')
    }
    async with trio.open_nursery() as nursery:
        for client in people:
            nursery.start_soon(client.arrive, heads)
    again = {
        row["tenant_id"]: row["offset"] for row in await pool.fetch('select tenant_id, "offset" from drena.feed_head')
    }
    assert again == heads, "somebody wrote after the end"
    truth, visible = {}, {}
    for office in hunt.offices:
        truth[office] = {row["key"]: json.loads(row["value"]) for row in await pool.fetch(TRUTH, office)}
        visible[office] = {row["key"] for row in await pool.fetch(SNAPSHOT, office)}
    for client in people:
        client.compare(truth, visible)
    async with pool.acquire() as conn:
        assert [finding for finding in await examine(conn) if finding.invariant == "I9"] == []


def free_port() -> int:
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=random.randrange(2**32))
    parser.add_argument("--minutes", type=float, default=2.0)
    parser.add_argument("--writers", type=int, default=32)
    parser.add_argument("--tenants", type=int, default=50)
    parser.add_argument("--clients", type=int, default=200)
    given = parser.parse_args()
    print(f"seed {given.seed}", flush=True)

    async def run(server: PostgresServer, folder: Path) -> Hunt:
        return await hunt_gaps(
            server,
            folder,
            seed=given.seed,
            seconds=given.minutes * 60,
            writers=given.writers,
            tenants=given.tenants,
            clients=given.clients,
            restarts=max(1, round(given.minutes)),
        )

    with PostgresServer(settings={"max_connections": "200"}) as server, tempfile.TemporaryDirectory() as folder:
        hunt = trio.run(run, server, Path(folder))
    print(
        f"no gap: {hunt.acts} transactions, {hunt.connections} connections, {hunt.resumed} deltas after a resume, "
        f"{hunt.snapshots} snapshots"
    )


if __name__ == "__main__":
    main()
