"""The steering commands as operators use them: processes, sentences, exit codes, JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

import pytest
import trio

from steering.history import History
from support.daemons import Done, environment, run_drena

if TYPE_CHECKING:
    from asyncpg_trio import Pool


class Operator:
    """Runs commands on a database that has a history."""

    def __init__(self, database: str, past: History) -> None:
        self.past = past
        self.env = environment(database)

    async def types(self, *words: str, code: int = 0) -> Done:
        with trio.fail_after(60):
            done = await run_drena(*words, env=self.env)
        assert done.code == code, done
        assert "Traceback" not in done.err
        return done

    async def says(self, *words: str, code: int = 0) -> str:
        """What a command prints, on the stream where it belongs."""
        done = await self.types(*words, code=code)
        return done.err if code == 2 else done.out

    async def json(self, *words: str, code: int = 0) -> Any:
        return (await self.types(*words, "--json", code=code)).json


@pytest.fixture
def operator(database: str, pool: Pool) -> Operator:
    return Operator(database, History(pool))


async def test_why_speaks_the_locales_language_and_json(operator: Operator) -> None:
    job = str(await operator.past.job(await operator.past.office()))
    assert await operator.says("why", job) == "No node of Drena is alive: start one with `drena run`.\n"
    operator.env["LANG"] = "pt_BR.UTF-8"
    assert "Nenhum servidor do Drena está ativo" in await operator.says("why", job)
    told = await operator.json("why", job)
    assert (told["code"], told["job_id"], told["until"], told["details"]) == ("no_node", job, None, {})
    assert set(told["text"]) == {"pt", "en"}


async def test_a_job_that_does_not_exist_is_told_by_every_command(operator: Operator) -> None:
    nobody = str(uuid4())
    for command in ("why", "cancel", "retry"):
        assert f"There is no job {nobody}" in await operator.says(command, nobody, code=2)


async def test_cancel_tells_what_came_of_it(operator: Operator) -> None:
    past = operator.past
    office = await past.office()
    waiting, running = await past.job(office, lane="w"), await past.job(office, lane="r", priority=-1)
    await past.claim(await past.node(), tenant_cap=1)
    assert await operator.says("cancel", str(waiting)) == f"Job {waiting} was cancelled.\n"
    assert "its node ends it within seconds" in await operator.says("cancel", str(running))
    assert "had ended before, as canceled" in await operator.says("cancel", str(waiting))
    told = await operator.json("cancel", str(running))
    assert (told["outcome"], told["job"]["status"]) == ("cancel_requested", "running")


async def test_retry_asks_again_for_an_ended_job_and_pulls_a_waiting_one_forward(operator: Operator) -> None:
    past = operator.past
    office = await past.office()
    old = await past.job(office, payload={"full": True})
    await past.cancel(old)
    told = await operator.json("retry", str(old))
    new = UUID(told["job"]["id"])
    assert (told["outcome"], new != old) == ("created", True)
    await past.pool.execute("update integration_jobs set run_at = now() + interval '1 hour' where id = $1", new)
    assert await operator.says("retry", str(new)) == f"Job {new} is pending: it runs as soon as there is room.\n"
    assert await past.pool.fetchval("select run_at <= now() from integration_jobs where id = $1", new)
    assert f"Execução em andamento: job {new} is pending" in await operator.says("retry", str(old))
    await past.cancel(new)
    await past.pool.execute("update tenant_integrations set is_enabled = false")
    assert "is disabled" in await operator.says("retry", str(old), code=2)


@pytest.mark.parametrize("status, code", [("success", 0), ("error", 1)])
async def test_retry_can_wait_for_the_end(operator: Operator, status: str, code: int) -> None:
    past = operator.past
    old = await past.job(await past.office())
    await past.cancel(old)

    async def work() -> None:
        node = await past.node()
        while not (claims := await past.claim(node)):  # noqa: ASYNC110  # the command makes the job in its own process
            await trio.sleep(0.05)
        await past.finish(claims[0], status)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(work)
        said = await operator.says("retry", str(old), "--wait", code=code)
    assert said.splitlines()[-1].startswith("Job ")
    assert ("succeeded" if status == "success" else "O servidor respondeu 503.") in said


async def test_pause_and_resume_of_one_integration(operator: Operator) -> None:
    past = operator.past
    job = str(await past.job(await past.office()))
    node = await past.node()
    scope = ("--tenant", "contmax", "--provider", "acessorias")
    said = await operator.says("pause", *scope, "--reason", "Fatura vencida")
    assert said.startswith("Paused: acessorias of contmax.")
    assert "`drena resume --tenant contmax --provider acessorias`" in said
    assert await past.claim(node) == []
    assert "Reason: Fatura vencida" in await operator.says("why", job)
    for listing in ("jobs", "integrations"):
        assert "Paused: acessorias of contmax since" in await operator.says(listing)
        assert [row["paused"] for row in await operator.json(listing)] == [True]
    assert "Paused" not in await operator.says("jobs", "--provider", "bomcontrole")
    assert "drena resume --tenant contmax --provider acessorias" in await operator.says("resume", code=2)
    assert await operator.says("resume", *scope) == "Resumed.\n"
    assert len(await past.claim(node)) == 1
    assert "nothing to resume" in await operator.says("resume", code=2)


async def test_pause_and_resume_of_everything(operator: Operator) -> None:
    past = operator.past
    await past.job(await past.office())
    (pause,) = await operator.json("pause", "--reason", "Manutenção")
    assert (pause["tenant"], pause["provider"], pause["reason"]) == (None, None, "Manutenção")
    await operator.types("pause", "--provider", "acessorias")
    node = await past.node()
    assert await past.claim(node) == []
    assert "Paused: acessorias of every tenant since" in await operator.says("resume")
    assert await past.claim(node) == []
    assert await operator.json("resume", "--provider", "acessorias") == []
    assert len(await past.claim(node)) == 1


async def test_a_misspelt_pause_is_refused(operator: Operator) -> None:
    await operator.past.office()
    assert "did you mean 'acessorias'?" in await operator.says("pause", "--provider", "acesorias", code=2)
    assert "did you mean 'contmax'?" in await operator.says("pause", "--tenant", "contmx", code=2)
    assert await operator.past.pool.fetchval("select count(*) from drena.pauses") == 0


async def test_nodes_are_listed_with_their_leases(operator: Operator) -> None:
    past = operator.past
    assert "start one with `drena run`" in await operator.says("nodes")
    await past.job(await past.office())
    await past.claim(await past.node(name="left", max_jobs=7))
    await past.node("acessorias", "bomcontrole", name="right", lease_s=-40.0)
    left, right = await operator.json("nodes")
    assert (left["name"], left["live"], left["running"], left["max_jobs"]) == ("left", True, 1, 7)
    assert (right["live"], right["providers"], right["running"]) == (False, ["acessorias", "bomcontrole"], 0)
    said = await operator.says("nodes")
    assert "acessorias, bomcontrole" in said
    assert "lost" in said


async def test_the_doctor_says_all_is_well_or_what_is_not_and_exits_so(operator: Operator) -> None:
    past = operator.past
    await past.job(await past.office())
    assert (await operator.says("doctor")).startswith("All is well: ")
    assert await operator.json("doctor") == []
    await past.pool.execute("update integration_jobs set run_at = 'infinity'")
    said = await operator.says("doctor", code=1)
    assert said.startswith("retry_never I6\n")
    assert said.endswith("1 finding; nothing was changed.\n")
    (finding,) = await operator.json("doctor", code=1)
    assert finding["code"] == "retry_never"


async def test_prune_can_be_rehearsed(operator: Operator) -> None:
    past = operator.past
    office = await past.office()
    node = await past.node()
    for lane in "ab":
        await past.job(office, lane=lane)
        await past.finish((await past.claim(node))[0])
    await past.pool.execute(
        "update integration_jobs set created_at = now() - interval '1 year', finished_at = now() - interval '1 year'"
    )
    told = {"jobs": 1, "job_log_lines": 0, "feed_entries": 0, "history_rows": 0, "idempotency_keys": 0}
    assert (await operator.says("prune", "--dry-run")).startswith("Would delete 1 jobs, 0 log lines")
    assert await operator.json("prune", "--dry-run") == told
    assert await operator.json("prune") == told
    assert await operator.json("prune") == {**told, "jobs": 0}
