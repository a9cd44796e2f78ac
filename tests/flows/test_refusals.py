"""What an office's user reads when an integration cannot run: a code, and one sentence that says what to do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import trio

from support.daemons import FAST, environment, launch_daemon

if TYPE_CHECKING:
    from pathlib import Path
    from uuid import UUID

    from flows.stage import Office, Stage

LIMIT_S = 60.0


async def test_what_cannot_run_ends_in_error_with_one_sentence_that_names_the_cure(stage: Stage) -> None:
    """Each office has its own trouble; one daemon meets them all."""
    offices = {
        "config_invalid": await stage.open_office("settings", 5, max_pages="many"),
        "integration_disabled": await stage.open_office("disabled", 5),
        "secret_missing": await stage.open_office("no-token", 5),
        "secret_malformed": await stage.open_office("odd-token", 5),
        "token_invalid": await stage.open_office("wrong-token", 5),
        "token_forbidden": await stage.open_office("poor-token", 5),
        "nothing_read": await stage.open_office("empty", 0),
    }
    await stage.fake.set_knobs(offices["token_forbidden"].token, forbidden=True)
    tokens = {office.slug: office.token for office in offices.values()}
    del tokens["no-token"]
    tokens |= {"odd-token": "two words", "wrong-token": "never-issued"}
    jobs = {code: (await stage.request(office))[1] for code, office in offices.items()}
    orphan = await add_job_of_nobody(stage)
    await stage.conn.execute(
        "update tenant_integrations set is_enabled = false where tenant_id = $1", offices["integration_disabled"].id
    )

    with trio.fail_after(LIMIT_S):
        async with launch_daemon(environment(stage.dsn, tokens=tokens, settings=FAST)) as daemon:
            ended = {code: await stage.ended(job_id) for code, job_id in jobs.items()}
            nobody = await stage.ended(orphan)
    assert {code: (job["status"], job["error_code"], job["attempts"]) for code, job in ended.items()} == {
        code: ("error", code, 1) for code in offices
    }
    named = {
        "config_invalid": "max_pages",
        "integration_disabled": "desativada",
        "secret_missing": "ACESSORIAS_TOKEN_NO_TOKEN",
        "secret_malformed": "ACESSORIAS_TOKEN_ODD_TOKEN",
        "token_invalid": "401",
        "token_forbidden": "403",
        "nothing_read": "nenhuma empresa",
    }
    for code, job in ended.items():
        assert named[code] in job["error_message"]
        assert "\n" not in job["error_message"]
        await stage.assert_settled(offices[code], job["id"], "error")
    assert (nobody["error_code"], nobody["status"]) == ("tenant_not_found", "error")
    for secret in tokens.values():
        assert secret not in daemon.text


async def add_job_of_nobody(stage: Stage) -> UUID:
    job_id: UUID = await stage.conn.fetchval(
        "insert into integration_jobs (tenant_id, provider_slug) values (gen_random_uuid(), 'acessorias') returning id"
    )
    return job_id


async def test_a_job_of_a_provider_nobody_offers_is_left_alone_and_disturbs_nobody(stage: Stage) -> None:
    office = await stage.open_office("contmax", 5)
    foreign = await stage.conn.fetchval(
        "insert into integration_jobs (tenant_id, provider_slug) values ($1, 'nobodys') returning id", office.id
    )
    with trio.fail_after(LIMIT_S):
        async with stage.daemon(poll__poll_s=0.05) as daemon:
            for _ in range(3):
                _, job_id = await stage.request(office)
                assert (await stage.ended(job_id))["status"] == "success"
    left = await stage.job(foreign)
    assert (left["status"], left["attempts"], left["lease_token"], left["version"]) == ("pending", 0, 0, 0)
    assert not [line for line in daemon.lines if line.get("job_id") == str(foreign)]


@pytest.mark.parametrize("failing", [False, True])
async def test_secrets_are_in_no_log_line_and_no_row(stage: Stage, failing: bool) -> None:
    office = await stage.open_office("contmax", 25)
    env = stage.environment()
    password = "a-database-password"
    env["DRENA_DATABASE__URL"] = stage.dsn.replace("postgres@", f"postgres:{password}@")
    if failing:
        await stage.fake.set_knobs(office.token, fail_next=1000, fail_status=500, fail_body="json")
    with trio.fail_after(LIMIT_S):
        async with launch_daemon(env) as daemon:
            _, job_id = await stage.request(office)
            assert (await stage.ended(job_id))["status"] == ("error" if failing else "success")
    assert daemon.find("request"), "requests are logged at debug"
    for secret in (office.token, password):
        assert secret not in daemon.text
        assert await rows_with(stage, secret) == {}


async def rows_with(stage: Stage, text: str) -> dict[str, Any]:
    """Tables with rows that hold a text anywhere, and how many."""
    tables = await stage.conn.fetch(
        "select quote_ident(schemaname) || '.' || quote_ident(tablename) as name from pg_tables "
        "where schemaname in ('public', 'drena')"
    )
    found = {}
    for table in [row["name"] for row in tables]:
        count = await stage.conn.fetchval(f"select count(*) from {table} t where position($1 in t::text) > 0", text)
        if count:
            found[table] = count
    return found


async def test_an_integration_that_was_repaired_runs_at_the_next_click(stage: Stage) -> None:
    office: Office = await stage.open_office("contmax", 5, max_pages="many")
    with trio.fail_after(LIMIT_S):
        async with stage.daemon():
            _, job_id = await stage.request(office)
            assert (await stage.ended(job_id))["error_code"] == "config_invalid"
            await stage.conn.execute("update tenant_integrations set config = '{\"confirm_delay_s\": 0}'")
            outcome, another = await stage.request(office)
            assert outcome == "created"
            assert (await stage.ended(another))["status"] == "success"
            await stage.assert_settled(office, another, "success")


NO_LOOPS = """
import asyncio.base_events

def refuse(*_, **__):
    raise RuntimeError("an event loop of asyncio in the daemon")

asyncio.base_events.BaseEventLoop.__init__ = refuse
"""


async def test_no_event_loop_of_asyncio_runs_in_the_daemon(stage: Stage, tmp_path: Path) -> None:
    """Python itself is told to refuse one; a sync and a failing sync go through all the same."""
    (tmp_path / "sitecustomize.py").write_text(NO_LOOPS)
    good, bad = await stage.open_office("contmax", 25), await stage.open_office("solaris", 25)
    await stage.fake.set_knobs(bad.token, fail_next=1000, fail_status=500)
    env = stage.environment()
    env["PYTHONPATH"] = f"{tmp_path}:{env.get('PYTHONPATH', '')}".rstrip(":")
    with trio.fail_after(LIMIT_S):
        async with launch_daemon(env) as daemon:
            jobs = [(await stage.request(office))[1] for office in (good, bad)]
            assert [(await stage.ended(job_id))["status"] for job_id in jobs] == ["success", "error"]
    assert "an event loop of asyncio" not in daemon.text
