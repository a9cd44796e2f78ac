"""What matching OneCode's contacts costs: `make bench-contacts`, `ARGS="--contacts 20000 --companies 2000"`.

One attempt on the real engine and a PostgreSQL with fsync on; the API answers from memory and the pace is off, so that
matching and writing stand alone. Two runs: the first decides everything, the second finds everything decided. A task
measures how long the event loop stood still at most: matching runs in a thread, and no other tenant may notice it.
"""

from __future__ import annotations

import argparse
import os
import random
import resource
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

HERE = Path(__file__).resolve().parent
sys.path[0] = str(HERE.parent)  # not this folder: its queue.py would stand before the standard library's

import httpx2  # noqa: E402
import msgspec  # noqa: E402
import trio  # noqa: E402

import asyncpg_trio  # noqa: E402
from drena.store.migrate import migrate  # noqa: E402
from drena.testing.database import Database, Server  # noqa: E402
from drena.testing.workbench import TENANT, Case, open_workbench  # noqa: E402
from drena_onecode import OneCode  # noqa: E402
from support.postgres import PostgresServer  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Iterator

PAGE = 100
LONGEST_STILL_MS = 100.0
WORDS = (
    "Padaria",
    "Mercado",
    "Comércio",
    "Serviços",
    "Transportes",
    "Construtora",
    "Oficina",
    "Auto",
    "Peças",
    "Clínica",
    "Odonto",
    "Alfa",
    "Beta",
    "Gama",
    "Sol",
    "Lua",
    "Norte",
    "Sul",
    "Central",
    "Santa",
    "Maria",
    "São",
    "José",
    "Irmãos",
    "Silva",
    "Souza",
    "Oliveira",
    "Confecções",
    "Moda",
    "Beleza",
    "Farmácia",
    "Drogaria",
    "Restaurante",
    "Lanchonete",
    "Bar",
    "Tecnologia",
    "Informática",
    "Soluções",
    "Engenharia",
    "Projetos",
    "Consultoria",
)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--contacts", type=int, default=20_000)
    parser.add_argument("--companies", type=int, default=2_000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    print(f"{options.contacts} contacts, {options.companies} companies, seed {options.seed}")
    with PostgresServer() as server:
        still_ms = trio.run(measure, server.create_database(), options)
    if still_ms > LONGEST_STILL_MS:
        print(f"the event loop stood still for {still_ms:.0f} ms: more than {LONGEST_STILL_MS:.0f}")
        return 1
    return 0


async def measure(dsn: str, options: argparse.Namespace) -> float:
    """Run both; returns the longest time that the loop stood still, in milliseconds."""
    chance = random.Random(options.seed)
    names = [name(chance) for _ in range(options.companies)]
    async with asyncpg_trio.connect(dsn) as conn:
        await migrate(conn)
        office = await conn.fetchval("insert into organizacoes (nome, slug) values ('X', $1) returning id", TENANT)
        await conn.executemany(
            "insert into empresas (organizacao_id, nome) values ($1, $2)", [(office, f"{each} Ltda") for each in names]
        )
    pages = list(contacts(chance, names, options.contacts))
    longest_ms = 0.0
    for run in ("first", "unchanged"):
        cost, still_ms, result = await sync(dsn, pages)
        longest_ms = max(longest_ms, still_ms)
        told = {key: result[key] for key in ("read", "linked", "asked", "known", "review", "ignored")}
        print(f"{run:<10} {cost}, loop still {still_ms:.0f} ms at most; {told}", flush=True)
    return longest_ms


async def sync(dsn: str, pages: list[bytes]) -> tuple[str, float, Any]:
    """One job to its end: what it cost, in words; the longest standstill; its result."""

    def answer(request: httpx2.Request) -> httpx2.Response:
        number = int(request.url.params["page"])
        return httpx2.Response(200, content=pages[number - 1] if number <= len(pages) else b'{"data": []}')

    fast = msgspec.structs.replace(OneCode.limits, requests_per_minute=1e9)
    provider = type("Fast", (OneCode,), {"limits": fast})()
    case = Case(
        settings={"confirm_delay_s": 0, "page_size": PAGE},
        secrets={"token": "a-synthetic-token"},
        base_url="https://api-test.onecode.chat",
    )
    still = Standstill()
    async with open_workbench(Database(Server(dsn), dsn), provider, case, httpx2.MockTransport(answer)) as bench:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(still.watch)
            began, cpu = time.perf_counter(), time.process_time()
            await bench.attempt()
            wall_s, cpu_s = time.perf_counter() - began, time.process_time() - cpu
            nursery.cancel_scope.cancel()
        state = await bench.state()
    if state.status != "success":
        raise SystemExit(f"{state.status} ({state.code}): {state.message}")
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return f"{wall_s:6.1f} s, CPU {cpu_s:5.1f} s, peak {peak_mb:4.0f} MB", still.longest_s * 1000, state.result


class Standstill:
    """How long the event loop did nothing for a task that only wants to go on."""

    def __init__(self) -> None:
        self.longest_s = 0.0

    async def watch(self) -> None:
        while True:
            began_s = time.perf_counter()
            await trio.lowlevel.checkpoint()
            self.longest_s = max(self.longest_s, time.perf_counter() - began_s)
            await trio.sleep(0.001)


def name(chance: random.Random) -> str:
    return " ".join(chance.choice(WORDS) for _ in range(chance.randint(2, 5)))


def contacts(chance: random.Random, names: list[str], count: int) -> Iterator[bytes]:
    """Pages of contacts: most called like a company, some of those mistyped, others like none."""
    for first in range(0, count, PAGE):
        rows = []
        for number in range(first, min(first + PAGE, count)):
            wanted = list(chance.choice(names) if chance.random() < 0.7 else name(chance))
            for _ in range(chance.randint(0, 3)):
                wanted[chance.randrange(len(wanted))] = chance.choice("abcdefgh")
            rows.append({"id": f"c{number}", "name": f"{''.join(wanted)} - Pessoa {number}", "phone": "11999990000"})
        yield msgspec.json.encode({"data": rows})


if __name__ == "__main__":
    os.environ.pop("PYTHONPATH", None)
    sys.exit(main())
