"""The feed of a real daemon: a job as browsers and `drena watch` see it, and the daemon's end."""

from __future__ import annotations

import json
import os
import pty
import select
import sys
from functools import partial
from uuid import uuid4

import pytest
import trio

import asyncpg_trio
from drena.cli import watching
from faults.provider.drena_ticker import TICKS
from feed.viewer import open_viewer
from support.daemons import environment, run_drena
from support.nodes import Fleet, install_ticker


@pytest.fixture
async def fleet(database, tmp_path):
    with trio.fail_after(120):
        async with asyncpg_trio.create_pool(database, min_size=0, max_size=5) as pool:
            (tmp_path / "plugins").mkdir()
            await pool.execute(TICKS)
            yield Fleet(pool, database, install_ticker(tmp_path / "plugins"), tmp_path / "journal")


async def url_of(daemon) -> str:
    line = await daemon.logged("feed listening")
    return f"ws://{line['addresses'][0]}"


async def test_a_job_is_asked_for_runs_and_ends_over_one_connection_and_sigterm_says_goodbye(fleet):
    office = await fleet.office()
    async with fleet.node(auth__mode="open") as daemon, open_viewer(await url_of(daemon), tenants=[office]) as viewer:
        await viewer.until("snapshot")
        await viewer.say(
            "run",
            ref=str(uuid4()),
            tenant_id=office,
            provider_slug="ticker",
            payload={"pages": 12, "pace_s": 0.1},
        )
        reply = await viewer.until("reply")
        assert reply["ok"], reply
        job = reply["job"]["id"]
        seen = []

        def ended():
            status = viewer.view(office).jobs.get(job, {}).get("status")
            seen.append(status)
            return status == "success"

        await viewer.when(ended)
        assert "running" in seen
        await viewer.when(lambda: viewer.view(office).integrations[0]["last_status"] == "success")
        assert await daemon.stop() == 0
        bye, code = await viewer.end()
        assert (bye["code"], code) == (4101, 4101)
    await fleet.prove()


async def test_watch_shows_what_there_is_as_lines_and_as_json(fleet):
    office = await fleet.office()
    job = await fleet.request(office, pages=1)
    async with fleet.node(auth__mode="open") as daemon:
        await fleet.status_is(job, "success")
        env = environment(None)
        shown = await run_drena("watch", "contmax", "--url", await url_of(daemon), "--once", env=env)
        assert shown.code == 0, shown.err
        assert shown.out == "contmax ticker success 100%\n"
        frames = await run_drena("watch", "--url", await url_of(daemon), "--once", "--json", env=env)
        lines = [json.loads(line) for line in frames.out.splitlines()]
        assert [line["t"] for line in lines] == ["welcome", "snapshot"]
        nobody = await run_drena("watch", "nobody", "--url", await url_of(daemon), "--once", env=env)
        assert (nobody.code, nobody.err) == (2, "drena: There is no tenant nobody that this token may see.\n")


async def test_watch_without_a_good_token_says_so(fleet):
    await fleet.office()
    async with fleet.node() as daemon:
        shown = await run_drena("watch", "--url", await url_of(daemon), "--once", env=environment(None))
    assert shown.code == 2
    assert "Traceback" not in shown.err
    assert shown.err.count("\n") == 1


async def test_watch_ends_when_its_token_has_expired(fleet):
    office = await fleet.office()
    async with fleet.node() as daemon:
        made = await run_drena(
            *("token", "create", "robot", "--tenant", str(office), "--days", "0.00002", "--json"),
            env=environment(fleet.dsn),
        )
        token = json.loads(made.out)["token"]
        shown = await run_drena("watch", "--url", await url_of(daemon), env=environment(None) | {"DRENA_TOKEN": token})
    assert (shown.code, shown.err.count("\n")) == (2, 1)
    assert "expired" in shown.err


@pytest.mark.parametrize("url", ["http://127.0.0.1:1", "nonsense", "ws://"])
async def test_watch_of_something_that_is_no_feed_is_one_sentence(url):
    shown = await run_drena("watch", "--url", url, "--once", env=environment(None))
    assert (shown.code, shown.err.count("\n")) == (2, 1)


async def test_watch_says_once_where_nothing_answers_and_goes_on_asking(monkeypatch):
    monkeypatch.setattr(watching, "FIRST_WAIT_S", 0.01)
    asked, told, enough = [], [], trio.Event()

    async def refuse(stream):
        asked.append(stream)
        if len(asked) == 4:
            enough.set()
        await stream.receive_some()
        await stream.send_all(b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n")

    with trio.fail_after(30):
        async with trio.open_nursery() as nursery:
            (listener,) = await nursery.start(partial(trio.serve_tcp, refuse, 0, host="127.0.0.1"))
            url = f"ws://127.0.0.1:{listener.socket.getsockname()[1]}"
            watcher = watching.Watcher(url, None, None, once=False)
            watcher.on_state = told.append
            nursery.start_soon(watcher.run)
            await enough.wait()
            nursery.cancel_scope.cancel()
    assert told == [f"refused with status 503 at {url}; reconnecting"]
    closed = await run_drena("watch", "--url", url, "--once", env=environment(None))
    assert closed.err == f"drena: The feed at {url} cannot be reached: nothing answers.\n"


async def test_watch_draws_bars_on_a_terminal_and_comes_back_after_the_node_did(fleet):
    office = await fleet.office()
    async with fleet.node(auth__mode="open") as daemon:
        url = await url_of(daemon)
        port = url.rpartition(":")[2]
        master, slave = pty.openpty()
        env = {**environment(None), "TERM": "xterm", "COLUMNS": "140", "LINES": "30"}
        process = await trio.lowlevel.open_process(
            [sys.executable, "-m", "drena", "watch", "--url", url], stdin=slave, stdout=slave, stderr=slave, env=env
        )
        os.close(slave)
        screen = b""

        async def until(mark: bytes) -> None:
            nonlocal screen
            with trio.fail_after(30):
                while mark not in screen:
                    await trio.lowlevel.wait_readable(master)
                    if select.select([master], [], [], 0)[0]:
                        screen += os.read(master, 65536)

        try:
            await until(b"live")
            job = await fleet.request(office, pages=20, pace_s=0.1)
            await until(b"running")
            assert await daemon.stop() == 0
            screen = b""
            await until(b"reconnecting")
            async with fleet.node(auth__mode="open", feed__listen=f"127.0.0.1:{port}"):
                screen = b""
                await until(b"success")
            await fleet.status_is(job, "success")
        finally:
            process.terminate()
            with trio.move_on_after(10, shield=True):
                await process.wait()
            os.close(master)
