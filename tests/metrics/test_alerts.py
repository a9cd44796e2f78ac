"""Each alert's expression becomes true when the fault it names happens to a real daemon.

Real processes are brought into trouble, and what `/metrics` of each says is kept, scrape by scrape. promtool is then
told that each scrape's values lasted for a while of made-up time, as if the fault had lasted so long, and judges the
rules of `alerts.yml` over them: metrics, labels and values are the daemon's, expressions and patience are the file's.
`up` is what Prometheus makes of a scrape that was or was not answered. An expression that names what no daemon tells
finds nothing, and its alert does not fire.

All alerts are brought about, with these shortcuts:

* `DrenaFeedSilent` needs half a minute of silence; here a second is enough, by another number in its rule. That silence
  goes on being told when the clients have been sent away is held by `tests/feed/test_restoring.py`.
* `DrenaQueueStuck`, `DrenaSchedulesLate`: the moment of the jobs and of the schedule is written as one long past.
* `DrenaWritesRefused`: jobs are taken from attempts that go on by a statement, as a rescue takes those of a node that
  stands still.
"""

from __future__ import annotations

import json
import math
import re
import shutil
import subprocess
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import httpx2
import pytest
import trio

import asyncpg_trio
from drena.config import Heal
from drena.store.schedules import set_schedule
from faults.provider.drena_ticker import TICKS
from feed.attacks import attacker, message
from feed.viewer import open_viewer
from metrics.test_metrics import families
from support.nodes import Fleet, install_ticker
from support.offices import add_office
from support.proxies import open_proxy

RULES = (Path(__file__).parents[2] / "contrib" / "monitoring" / "alerts.yml").read_text(encoding="utf-8")
PROMTOOL = shutil.which("promtool")
LIMIT_S = 120.0
MINUTES = 30
"""For how long a scrape's values last; those of the last one for `LAST`. Counters count within a quarter of an hour."""
LAST = 180

BUSY = {
    "DrenaQueueStuck",
    "DrenaIntegrationFailing",
    "DrenaSchedulesLate",
    "DrenaWritesRefused",
    "DrenaEventLoopBlocked",
    "DrenaFeedSlowClients",
    "DrenaProviderSlowed",
}
KILLED = {"DrenaDown", "DrenaJobsRescued"}
CUT_OFF = {"DrenaPoolExhausted", "DrenaNotReady", "DrenaDatabaseDown", "DrenaLeaseLost", "DrenaFeedSilent"}

with_promtool = pytest.mark.skipif(PROMTOOL is None, reason="promtool is not installed (Debian's package prometheus)")

WAITS = """
insert into integration_jobs (tenant_id, provider_slug, lane, run_at)
select $1, 'nobody_has_it', n::text, now() - interval '12 minutes' from generate_series(1, 100) n
"""
LARGE = "update integration_jobs set result = to_jsonb(repeat('x', 60000)) where provider_slug = 'nobody_has_it'"
REFUSES = """
create function refuse() returns trigger language plpgsql as $$ begin raise 'somebody''s rule'; end $$;
create trigger refuse before update on drena.schedules for each row execute function refuse();
"""
LONG_AGO = "update drena.schedules set next_at = now() - interval '3 minutes'"
TAKE_AWAY = """
update integration_jobs
set lease_token = lease_token + 1, status = 'pending', node_id = null, run_at = now() + interval '1 hour'
where lane like 'taken %'
"""
CLIENTS, TAKEN, BLOCKS, JOBS = 24, 15, 3, 8
HELD = "select count(*) = 2 from pg_stat_activity where state = 'idle in transaction' and datname = current_database()"


class Scrapes:
    """What Prometheus would keep of some nodes: the series of each scrape, with the labels that it adds."""

    def __init__(self) -> None:
        self.rounds: list[dict[str, float]] = []

    async def until(self, condition, *nodes) -> None:
        """Scrape all of them again and again until a condition holds of the values, and keep that scrape.

        Args:
            condition: called with `total` of what was scraped.
            nodes: the processes.
        """
        found: dict[str, float] = {}
        with trio.move_on_after(LIMIT_S / 2):
            while True:
                found = {}
                for node in nodes:
                    found |= await scrape(node)
                if condition(partial(total, found)):
                    self.rounds.append(found)
                    return
                await trio.sleep(0.05)
        raise AssertionError("\n".join(f"{series} {value}" for series, value in found.items()))

    @property
    def minutes(self) -> int:
        """How long all of it lasted."""
        return sum(self._lengths)

    @property
    def _lengths(self) -> list[int]:
        return [MINUTES] * (len(self.rounds) - 1) + [LAST]

    def series(self) -> list[dict[str, str]]:
        """All of it as promtool wants it: a value a minute."""
        found = []
        for name in sorted(set().union(*self.rounds)):
            values, there = [], False
            for told, minutes in zip(self.rounds, self._lengths, strict=True):
                if name in told:
                    values.append(f"{told[name]:f}x{minutes - 1}")
                else:
                    values.append(f"stale _x{minutes - 1}" if there else f"_x{minutes}")
                there = name in told
            found.append({"series": name, "values": " ".join(values)})
        return found


async def scrape(node) -> dict[str, float]:
    """A node's series; of one that does not answer, no more than that."""
    address = node.find("http listening")[0]["addresses"][0]
    added = {"instance": address, "job": "drena"}
    found = {named("up", added): 1.0}
    try:
        async with httpx2.AsyncClient(trust_env=False, timeout=10) as client:
            answer = await client.get(f"http://{address}/metrics")
    except httpx2.TransportError:
        return {named("up", added): 0.0}
    assert answer.status_code == 200, answer.text
    for samples in families(answer.text).values():
        for sample in samples:
            if sample.name.startswith("drena_"):
                found[named(sample.name, sample.labels | added)] = float(sample.value)
    return found


def named(name: str, labels: dict[str, str]) -> str:
    return name + "{" + ",".join(f"{label}={json.dumps(value)}" for label, value in labels.items()) + "}"


def total(found: dict[str, float], name: str) -> float:
    """The sum of a metric's values; not a number, of which nothing is true, when nobody tells it."""
    told = [value for series, value in found.items() if series.partition("{")[0] == name]
    return sum(told) if told else math.nan


def well(told) -> bool:
    """Whether nothing is the matter with those who answered: what is so for a moment is judged as if it lasted."""
    nodes = told("up")
    return (
        told("drena_lease_held") == told("drena_database_up") == nodes
        and told("drena_ready") == 3 * nodes
        and told("drena_database_waiting_tasks") == told("drena_feed_silence_seconds") == 0
    )


def judge(folder: Path, scrapes: Scrapes, *spans: tuple[int, int, set[str]], rules: str = RULES) -> None:
    """Hold the rules to fire over these scrapes: exactly these alerts within each span, from and to in minutes."""
    checks = []
    for since, until, alerts in spans:
        checks.append(
            {
                "expr": f'group by (alertname) (last_over_time(ALERTS{{alertstate="firing"}}[{until - since}m]))',
                "eval_time": f"{until - 1}m",
                "exp_samples": [{"labels": f'{{alertname="{alert}"}}', "value": 1} for alert in sorted(alerts)],
            }
        )
    test = {"interval": "1m", "input_series": scrapes.series(), "promql_expr_test": checks}
    (folder / "alerts.yml").write_text(rules, encoding="utf-8")
    file = folder / "tests.yml"
    file.write_text(json.dumps({"rule_files": ["alerts.yml"], "evaluation_interval": "1m", "tests": [test]}))
    command = [str(PROMTOOL), "test", "rules", str(file)]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture
async def fleet(database, tmp_path):
    """A database of its own, and room for nodes."""
    with trio.fail_after(LIMIT_S):
        async with asyncpg_trio.create_pool(database, min_size=0, max_size=5) as pool:
            (tmp_path / "plugins").mkdir()
            await pool.execute(TICKS)
            yield Fleet(pool, database, install_ticker(tmp_path / "plugins"), tmp_path / "journal")


def test_every_alert_is_brought_about():
    assert {*re.findall(r"- alert: (\w+)", RULES)} == BUSY | KILLED | CUT_OFF


def test_a_queue_that_nobody_drains_is_told_before_its_jobs_are_ended():
    found = re.search(r"drena_queue_oldest_due_age_seconds\) > (\d+)'\n\s+for: (\d+)m", RULES)
    assert found is not None
    assert int(found[1]) + 60 * int(found[2]) <= Heal().pending_after_s - 120


@with_promtool
async def test_bad_jobs_bad_clients_and_a_provider_that_throttles(fleet, tmp_path):
    office, elsewhere = await fleet.office(), await add_office(fleet.pool, "elsewhere", provider="nobody_has_it")
    await fleet.rows(WAITS, elsewhere)
    await fleet.rows(LARGE)
    async with fleet.pool.acquire() as conn:
        await set_schedule(conn, office, "ticker", cron="0 2 * * *", lane="by the clock")
        await conn.execute(LONG_AGO)
        await conn.execute(REFUSES)
    failing = await fleet.request(await fleet.office("solaris"), mode="give_up")
    settings = {"auth__mode": "open", "feed__stuck_s": 1, "tenant__max_jobs": 50}
    scrapes = Scrapes()
    async with (
        throttling() as url,
        fleet.node(providers__ticker__requests_per_minute=6000, **settings) as node,
        AsyncExitStack() as clients,
    ):
        await node.logged("the database refuses a scheduled job, will try again")
        await fleet.status_is(failing, "error")
        await scrapes.until(lambda told: well(told) and told("drena_schedules_late") == 1, node)
        await take_nothing(clients, node, elsewhere)
        await fleet.request(office, "asking", url=url, pages=1)
        await lose_jobs(fleet, office)
        while len(node.find("the event loop is blocked: everything waits", provider="ticker")) < BLOCKS:
            job = await fleet.request(office, "blocking", mode="block", for_s=1.2, pages=1)
            await fleet.status_is(job, "success")
        await scrapes.until(
            lambda told: (
                well(told)
                and told("drena_feed_slow_closed_total") >= CLIENTS
                and told("drena_refused_writes_total") >= TAKEN
                and told("drena_pace_slowed_credentials") == 1
            ),
            node,
        )
    judge(tmp_path, scrapes, (0, MINUTES, {"DrenaQueueStuck", "DrenaSchedulesLate"}), (0, scrapes.minutes, BUSY))


async def take_nothing(stack: AsyncExitStack, node, office) -> None:
    """Clients that are to be told more than fits into buffers, and read nothing."""
    port = int(node.find("feed listening")[0]["addresses"][0].rpartition(":")[2])
    for _ in range(CLIENTS):
        client = await stack.enter_async_context(attacker(SimpleNamespace(port=port), receive_bytes=2048))
        await client.upgrade()
        await client.send(message(t="hello", tenants=[office]))


async def lose_jobs(fleet: Fleet, office) -> None:
    """Jobs that a node works on are somebody else's all at once."""
    for number in range(TAKEN):
        await fleet.request(office, f"taken {number}", pages=100_000, pace_s=0.2)
    await fleet.until("select count(distinct job_id) >= $1 from ticks", TAKEN)
    await fleet.rows(TAKE_AWAY)


@asynccontextmanager
async def throttling():
    """An outside system that says once that it is asked too fast; its address."""
    answers = [b"429 Too Many Requests"]

    async def answer(stream: trio.SocketStream) -> None:
        while await stream.receive_some():
            status = answers.pop() if answers else b"200 OK"
            await stream.send_all(b"HTTP/1.1 " + status + b"\r\nContent-Length: 0\r\n\r\n")

    async with trio.open_nursery() as nursery:
        (listener,) = await nursery.start(partial(trio.serve_tcp, answer, 0, host="127.0.0.1"))
        yield f"http://127.0.0.1:{listener.socket.getsockname()[1]}/"
        nursery.cancel_scope.cancel()


@with_promtool
async def test_a_node_that_is_killed_with_its_jobs(fleet, tmp_path):
    office = await fleet.office()
    settings = {"tenant__max_jobs": 50}
    scrapes = Scrapes()
    async with fleet.node("north", **settings) as north:
        for number in range(JOBS):
            await fleet.request(office, f"{number}", mode="hang", pages=1)
        await fleet.until("select count(*) = $1 from integration_jobs where status = 'running'", JOBS)
        async with fleet.node("south", **settings) as south:
            await scrapes.until(lambda told: well(told) and told("up") == 2, north, south)
            await north.kill()
            await scrapes.until(lambda told: well(told) and told("drena_jobs_rescued_total") == JOBS, north, south)
    judge(tmp_path, scrapes, (0, MINUTES, set()), (MINUTES, scrapes.minutes, KILLED))


@with_promtool
async def test_a_database_that_has_no_connection_left_and_then_goes_away(fleet, server, tmp_path):
    office = await fleet.office()
    settings = {"auth__mode": "open", "feed__poll_s": 0.2, "database__pool_size": 2}
    scrapes = Scrapes()
    async with open_proxy(server.port) as network, fleet.node(through=network, **settings) as node:
        async with open_viewer(f"ws://{node.find('feed listening')[0]['addresses'][0]}", tenants=[office]) as viewer:
            await viewer.until("snapshot")
            jobs = [await fleet.request(office, f"{number}", mode="hold", pages=1) for number in range(2)]
            await fleet.until(HELD)
            await scrapes.until(lambda told: told("drena_database_waiting_tasks") > 0, node)
            network.refusing = True
            network.cut()
            for job in jobs:
                await fleet.rows("select count(*) from drena.cancel_job($1)", job)
            await scrapes.until(
                lambda told: (
                    told("drena_database_up") == told("drena_lease_held") == 0
                    and told("drena_feed_silence_seconds") > 2
                ),
                node,
            )
        network.heal()
        await scrapes.until(well, node)
    soon = re.sub(r"(drena_feed_silence_seconds > )30", r"\g<1>1", RULES)
    assert soon != RULES
    end = scrapes.minutes
    judge(tmp_path, scrapes, (0, end, CUT_OFF), (end - 60, end, set()), rules=soon)
