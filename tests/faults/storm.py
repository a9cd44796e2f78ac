"""Bad weather: three nodes at work, and a seeded sequence of faults, each at a random moment.

What happens when is decided by the seed alone; when exactly it hits which statement is not, and that is the point. The
weather ends, everything is healed, and then every job must have ended once and every page have been applied once.
"""

from __future__ import annotations

import json
import random
import signal
from collections import Counter
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

import trio

from drena.engine.outages import PASSING
from support.daemons import START_LIMIT_S
from support.nodes import DOUBLED, ENDINGS, LEASE_S, PAGES, UNENDED
from support.proxies import open_proxy

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from support.daemons import DaemonProcess
    from support.nodes import Fleet
    from support.postgres import PostgresServer
    from support.proxies import Proxy

NODES = ("north", "south", "west")
OFFICES = 6
IN_HAND = 30
"""Jobs that are kept active while the weather lasts."""
CALM_LIMIT_S = 120.0
ALL_SESSIONS = """
select count(pg_terminate_backend(pid)) from pg_stat_activity
where datname = current_database() and pid <> pg_backend_pid() and application_name like 'drena%'
"""
REQUEST = """
select count(r.outcome) from jsonb_array_elements($1::jsonb) o,
       lateral drena.request_job((o ->> 'office')::uuid, 'ticker', o ->> 'lane', o -> 'orders') r
"""
MOWN = tuple(f"node {n}" for n in range(6))
"""More nodes for kills alone: one has to live for a lease before it may rescue."""
MOWN_LEASE_S = 2.0
MOWN_LIFE_S = 2.5
MOWN_YOUNG = 0.15
"""How many are killed before they have joined."""
EVERYTHING = {
    "kill": 8,
    "freeze for longer than a lease": 3,
    "freeze for less than a lease": 2,
    "stop": 3,
    "stop twice": 2,
    "database restarts": 2,
    "database crashes": 2,
    "database away for longer than a lease": 1,
    "database freezes": 2,
    "sessions ended": 3,
    "network cut": 4,
    "network half open": 2,
    "network slow": 2,
    "network gone for longer than a lease": 2,
}


@dataclass
class Storm:
    """One spell of weather.

    Args:
        fleet: on a database of `victim`.
        victim: the server to be hurt.
        seed: decides everything that can be decided.
        weights: how likely each fault is; none at all means kill -9 and nothing else, as fast as nodes start.
        pause_s: the longest pause between two faults.
    """

    fleet: Fleet
    victim: PostgresServer
    seed: int
    weights: dict[str, int] = field(default_factory=lambda: dict(EVERYTHING))
    pause_s: float = 1.0
    tally: Counter[str] = field(default_factory=Counter)
    _up: dict[str, DaemonProcess] = field(default_factory=dict)
    _proxies: dict[str, Proxy] = field(default_factory=dict)
    _lanes: int = 0
    _calm: bool = False
    _fed: trio.Event = field(default_factory=trio.Event)

    async def rage(self, enough: Callable[[Counter[str]], bool]) -> None:
        """Hurt until it is enough, then heal everything and wait for the end of all jobs."""
        dice = random.Random(self.seed)
        offices = [await self.fleet.office(f"office {n}") for n in range(OFFICES)]
        async with AsyncExitStack() as stack:
            for name in NODES if self.weights else MOWN:
                self._proxies[name] = await stack.enter_async_context(open_proxy(self.victim.port))
            await self._rage(dice, enough, offices)

    async def _rage(self, dice: random.Random, enough: Callable[[Counter[str]], bool], offices: list[Any]) -> None:
        async with trio.open_nursery() as nursery:
            for name in self._proxies:
                nursery.start_soon(self._keep_up if self.weights else self._mow, name)
            nursery.start_soon(self._feed, random.Random(self.seed + 1), offices)
            while not enough(self.tally):
                await trio.sleep(dice.uniform(0, self.pause_s))  # the moment of a fault is an input
                if self.weights:
                    await self._hurt(dice)
            self._calm = True
            await self._fed.wait()
            for proxy in self._proxies.values():
                proxy.heal()
            await self.fleet.all_ended(CALM_LIMIT_S)
            nursery.cancel_scope.cancel()

    async def verdict(self) -> dict[str, int]:
        """Lost, doubled and stuck, as numbers, beside what happened."""
        ended = "select status || coalesce(' ' || error_code, ''), count(*) from integration_jobs group by 1"
        return {
            "jobs": await self.fleet.ask("select count(*) from integration_jobs"),
            "pages": await self.fleet.ask("select count(*) from ticks"),
            "rescues": await self.fleet.rescues(),
            "lost": len(await self.fleet.rows(PAGES)),
            "doubled": len(await self.fleet.rows(DOUBLED)) + len(await self.fleet.rows(ENDINGS)),
            "stuck": await self.fleet.ask(UNENDED),
            **{f"ended as {how}": count for how, count in await self.fleet.rows(ended)},
        }

    async def _hurt(self, dice: random.Random) -> None:
        fault = dice.choices(list(self.weights), list(self.weights.values()))[0]
        name, length, moment = dice.choice(NODES), dice.random(), dice.random()
        act: Callable[[str, float], Awaitable[None]] = getattr(
            self, "_" + fault.partition(" for ")[0].replace(" ", "_")
        )
        if "longer than a lease" in fault:
            length = LEASE_S * (1.2 + length)
        elif "less than a lease" in fault or fault == "database freezes":
            length = LEASE_S * length / 2
        else:
            length = moment
        self.tally["faults"] += 1
        self.tally[fault] += 1
        await act(name, length)

    async def _kill(self, name: str, _: float) -> None:
        if (node := self._up.get(name)) is not None:
            node.process.kill()
            self.tally["kills"] += 1

    async def _freeze(self, name: str, length_s: float) -> None:
        if (node := self._up.get(name)) is not None:
            with suppress(ProcessLookupError):
                node.send(signal.SIGSTOP)
                await trio.sleep(length_s)
            with suppress(ProcessLookupError):
                node.send(signal.SIGCONT)

    async def _stop(self, name: str, _: float) -> None:
        if (node := self._up.get(name)) is not None:
            node.send(signal.SIGTERM)

    async def _stop_twice(self, name: str, length_s: float) -> None:
        if (node := self._up.get(name)) is not None:
            node.send(signal.SIGTERM)
            await trio.sleep(length_s / 5)
            node.send(signal.SIGTERM)

    async def _database_restarts(self, _: str, length_s: float) -> None:
        await trio.to_thread.run_sync(partial(self.victim.stop, "fast"))
        await trio.sleep(length_s)
        await trio.to_thread.run_sync(self.victim.start)

    _database_away = _database_restarts

    async def _database_crashes(self, _: str, length_s: float) -> None:
        await trio.to_thread.run_sync(partial(self.victim.stop, "immediate"))
        await trio.sleep(length_s)
        await trio.to_thread.run_sync(self.victim.start)

    async def _database_freezes(self, _: str, length_s: float) -> None:
        self.victim.freeze()
        await trio.sleep(length_s)
        self.victim.thaw()

    async def _sessions_ended(self, *_: Any) -> None:
        await self.fleet.ask(ALL_SESSIONS)

    async def _network_cut(self, name: str, _: float) -> None:
        self._proxies[name].cut()

    async def _network_half_open(self, name: str, _: float) -> None:
        self._proxies[name].half_open()

    async def _network_slow(self, name: str, length_s: float) -> None:
        self._proxies[name].delay_s = length_s / 10
        await trio.sleep(length_s)
        self._proxies[name].heal()

    async def _network_gone(self, name: str, length_s: float) -> None:
        self._proxies[name].freeze()
        await trio.sleep(length_s)
        self._proxies[name].heal()

    async def _keep_up(self, name: str) -> None:
        """What systemd does: whenever the node has ended, it is started again."""
        while True:
            through = self._proxies[name]
            async with self.fleet.node(name, through=through, joined=False, database__wait_s=START_LIMIT_S) as node:
                self._up[name] = node
                self.tally["starts"] += 1
                code = await node.process.wait()
                del self._up[name]
                ended = (0, 4, -signal.SIGKILL, -signal.SIGTERM)  # the last: before it listens to signals
            assert code in ended, f"{name} ended with {code}:\n{node.text}"

    async def _mow(self, name: str) -> None:
        """Kill, at a random moment of its life, whatever starts."""
        dice = random.Random(f"{self.seed} {name}")
        while True:
            young, life_s = dice.random() < MOWN_YOUNG, dice.expovariate(1 / MOWN_LIFE_S)
            async with self.fleet.node(name, joined=False, lease__lease_s=MOWN_LEASE_S) as node:
                self.tally["starts"] += 1
                if not young:
                    await node.logged("node joined")
                with trio.move_on_after(life_s / 5 if young else life_s):
                    raise AssertionError(f"ended by itself with {await node.process.wait()}:\n{node.text}")
                if self._calm:
                    await trio.sleep_forever()
                await node.kill()
                self.tally["kills"] += 1

    async def _feed(self, dice: random.Random, offices: list[Any]) -> None:
        """Keep so many jobs active."""
        while not self._calm:
            missing = IN_HAND - await self.fleet.ask(UNENDED)
            if missing > IN_HAND // 3:
                wanted = [self._order(dice, offices) for _ in range(missing)]
                with suppress(*PASSING):  # asked for or not: what was is what counts
                    await self.fleet.pool.fetchval(REQUEST, json.dumps(wanted))
            await trio.sleep(0.1)
        self._fed.set()

    def _order(self, dice: random.Random, offices: list[Any]) -> dict[str, Any]:
        self._lanes += 1
        pages = dice.randint(1, 6)
        orders = {"pages": pages, "pace_s": dice.choice([0, 0, 0.01, 0.1]), "page": dice.randint(1, pages)}
        if dice.random() < 0.1:
            orders |= {"mode": dice.choice(["fail", "bug", "hold"]), "attempts": 1, "for_s": 0.3}
        return {"office": str(dice.choice(offices)), "lane": f"lane {self._lanes}", "orders": orders}
