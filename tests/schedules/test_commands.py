"""The clock from outside: the command line, HTTP, and what a reload changes, on real processes."""

from __future__ import annotations

import signal
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import httpx2
import pytest
import trio

from support.daemons import environment, launch_daemon, run_drena
from support.offices import add_office
from support.waiting import wait_until

if TYPE_CHECKING:
    from pathlib import Path

    from asyncpg_trio import Connection


@pytest.fixture
def env(database: str, tmp_path: Path) -> dict[str, str]:
    return environment(database, settings={"state_dir": tmp_path})


async def test_a_schedule_is_set_listed_and_cleared_by_command(conn: Connection, env: dict[str, str]) -> None:
    await add_office(conn, "contmax")
    done = await run_drena("schedule", "set", "contmax", "acessorias", "30 6 * * 1-5", env=env)
    assert done.code == 0, done.err
    assert done.out.startswith("acessorias of contmax runs next at ")
    listed = await run_drena("schedule", "list", "--json", env=env)
    (row,) = listed.json
    assert (row["cron"], row["timezone"], row["enabled"]) == ("30 6 * * 1-5", "America/Sao_Paulo", True)
    (integration,) = (await run_drena("integrations", "--json", env=env)).json
    assert integration["next_at"] == row["next_at"]
    assert "next at" in (await run_drena("integrations", env=env)).out
    assert (await run_drena("schedule", "clear", "contmax", "acessorias", env=env)).code == 0
    again = await run_drena("schedule", "clear", "contmax", "acessorias", env=env)
    assert (again.code, again.err.strip()) == (
        2,
        "drena: acessorias of contmax has no schedule; `drena schedule list` shows them.",
    )
    assert (await run_drena("schedule", "list", env=env)).out.startswith("Nothing runs by the clock")


@pytest.mark.parametrize(
    "words, english, portuguese",
    [
        (["contmax", "acessorias", "0 25 * * *"], "the hour is 0 to 23", "a hora vai de 0 a 23"),
        (["contmax", "acessorias", "daily"], "write five fields", "escreva cinco campos"),
        (["contmax", "acessorias", "0 2 * * *", "--timezone", "Mars"], "no such time zone", "fuso horário não existe"),
        (["contmax", "onecode", "0 2 * * *"], "has no integration onecode", "não tem a integração onecode"),
    ],
)  # fmt: skip
async def test_a_schedule_that_makes_no_sense_is_one_sentence_with_the_way_out(
    conn: Connection, env: dict[str, str], words: list[str], english: str, portuguese: str
) -> None:
    await add_office(conn, "contmax")
    for lang, said in (("en", english), ("pt", portuguese)):
        done = await run_drena("--lang", lang, "schedule", "set", *words, env=env)
        assert done.code == 2
        assert said in done.err
        assert done.err.count("\n") == 1
    assert await conn.fetchval("select count(*) from drena.schedules") == 0


async def test_http_sets_shows_and_removes_a_schedule(database: str, conn: Connection, env: dict[str, str]) -> None:
    await add_office(conn, "contmax")
    made = await run_drena("token", "create", "ci", "--all-tenants", "--scope", "manage", "--scope", "read", "--json",
                           env=env)  # fmt: skip
    token = made.json["token"]
    integration = await conn.fetchval("select id from tenant_integrations")
    async with launch_daemon(env) as daemon:
        address = (await daemon.logged("http listening"))["addresses"][0]
        headers = {"Authorization": f"Bearer {token}", "Accept-Language": "en"}
        async with httpx2.AsyncClient(base_url=f"http://{address}", headers=headers, trust_env=False) as client:
            path = f"/v1/integrations/{integration}"
            wanted = {"cron": "0 2 * * *", "timezone": "America/Manaus"}
            answer = await client.patch(path, json={"schedule": wanted})
            assert answer.status_code == 200, answer.text
            assert answer.json()["schedule"] == wanted
            at = datetime.fromisoformat(answer.json()["next_at"])
            assert timedelta() <= at - at.replace(hour=6, minute=0, second=0, microsecond=0) < timedelta(seconds=300)
            wrong = {"schedule": {"cron": "0 25 * * *", "timezone": "America/Manaus"}}
            refused = await client.patch(path, json=wrong)
            assert (refused.status_code, refused.json()["code"]) == (422, "schedule_invalid")
            assert "the hour is 0 to 23" in refused.json()["detail"]
            in_portuguese = await client.patch(path, json=wrong, headers={"Accept-Language": "pt-BR"})
            assert "a hora vai de 0 a 23" in in_portuguese.json()["detail"]
            assert (await client.get("/v1/integrations")).json()["items"][0]["schedule"] == wanted
            gone = await client.patch(path, json={"schedule": None})
            assert (gone.json()["schedule"], gone.json()["next_at"]) == (None, None)


async def test_a_reload_changes_the_log_s_level_and_the_jitter_at_once(
    database: str, conn: Connection, tmp_path: Path
) -> None:
    file = tmp_path / "drena.toml"

    def write(level: str, jitter_s: int) -> None:
        file.write_text(f'[log]\nlevel = "{level}"\n[schedule]\njitter_s = {jitter_s}\n')

    write("info", 60)
    env = environment(database, settings={"state_dir": tmp_path}) | {"DRENA_CONFIG": str(file)}
    jitter = "select value::text from drena.settings where name = 'schedule.jitter_s'"
    async with launch_daemon(env) as daemon:
        address = (await daemon.logged("http listening"))["addresses"][0]
        assert await conn.fetchval(jitter) in ("60", "60.0")
        write("debug", 90)
        daemon.send(signal.SIGHUP)
        line = await daemon.logged("configuration reloaded")
        assert (sorted(line["changed"]), line["needs_restart"]) == (["log.level", "schedule.jitter_s"], [])
        assert not daemon.find("http request")
        async with httpx2.AsyncClient(trust_env=False) as client:
            assert (await client.get(f"http://{address}/livez")).status_code == 200
        assert (await daemon.logged("http request"))["level"] == "debug"
        await wait_until(conn, "select exists (select from drena.settings where name = 'schedule.jitter_s' "
                               "and value::text in ('90', '90.0'))")  # fmt: skip
        write("error", 90)
        daemon.send(signal.SIGHUP)
        with trio.fail_after(20):
            async with httpx2.AsyncClient(trust_env=False) as client:
                while True:
                    before = len(daemon.find("http request"))
                    assert (await client.get(f"http://{address}/livez")).status_code == 200
                    await trio.sleep(0.2)
                    if len(daemon.find("http request")) == before:
                        break
