"""The client against the real daemon: PostgreSQL, the fake API, sockets and processes of their own."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest
import trio

from client.driving import Driver, drive
from drena.access.jwts import LEEWAY_S
from page.scene import SIGNED_IN

if TYPE_CHECKING:
    from contextlib import AbstractAsyncContextManager

    from client.workshop import Workshop
    from page.scene import Scene

LIMIT_S = 90.0


class Company:
    """A scene, and clients on it."""

    def __init__(self, scene: Scene, workshop: Workshop) -> None:
        self.scene = scene
        self._workshop = workshop

    def client(self, **options: Any) -> AbstractAsyncContextManager[Driver]:
        """A client of this scene's daemon."""
        where = {"feed": f"ws://127.0.0.1:{self.scene.feed_port}", "http": f"http://127.0.0.1:{self.scene.http_port}"}
        return drive(self._workshop.node, self._workshop.driver(), **(where | options))

    async def jobs(self) -> int:
        """How many jobs were ever made."""
        count: int = await self.scene.conn.fetchval("select count(*) from integration_jobs")
        return count


@pytest.fixture
def company(scene: Scene, workshop: Workshop) -> Company:
    workshop.driver()  # npm is done before a test's time begins
    return Company(scene, workshop)


async def test_a_job_is_followed_from_the_click_to_its_end(company: Company):
    office = await company.scene.open_office("contmax", 160)
    await company.scene.slow(office, 60)
    with trio.fail_after(LIMIT_S):
        async with company.scene.serve(), company.client() as client:
            await client.live()
            assert client.shown["transport"] == "socket"
            assert [tenant["slug"] for tenant in client.shown["tenants"]] == ["contmax"]
            assert [each["provider_slug"] for each in client.shown["integrations"]] == ["acessorias"]
            outcome = await client.run(office.id)
            assert (outcome["ok"], outcome["job"]["status"]) == (True, "pending")
            job = await client.ended(outcome["job"]["id"])
            assert (job["status"], job["progress"]) == ("success", 100)
            seen = [s["jobs"][0]["status"] for s in client.snapshots if s["jobs"]]
            assert sorted(set(seen), key=seen.index) == ["pending", "running", "success"]
            details = [s["jobs"][0]["progress_detail"] for s in client.snapshots if s["jobs"]]
            assert len({detail["done"] for detail in details if detail}) > 2
            await client.until(lambda c: c.shown["integrations"][0]["last_status"] == "success")
            assert (await client.ask("count"))["opened"] == 1


async def test_a_second_click_gets_the_job_that_is_in_the_way_in_the_persons_language(company: Company):
    office = await company.scene.open_office("contmax", 45)
    await company.scene.slow(office, 500)
    with trio.fail_after(LIMIT_S):
        async with company.scene.serve(), company.client() as one, company.client(language="en") as other:
            await one.live()
            await other.live()
            first = await one.run(office.id)
            again, abroad = await one.run(office.id), await other.run(office.id)
            assert (again["ok"], abroad["ok"]) == (False, False)
            problems = [again["problem"], abroad["problem"]]
            assert {problem["code"] for problem in problems} == {"job_active"}
            assert {problem["kind"] for problem in problems} == {"refused"}
            assert {problem["activeJob"]["id"] for problem in problems} == {first["job"]["id"]}
            assert problems[0]["title"] == "Execução em andamento"
            assert problems[1]["title"] != problems[0]["title"]
            await one.ended(first["job"]["id"])
    assert await company.jobs() == 1


async def test_over_http_alone_it_is_the_same(company: Company):
    office = await company.scene.open_office("contmax", 45)
    with trio.fail_after(LIMIT_S):
        async with company.scene.serve(), company.client(feed=None) as client:
            await client.live()
            assert client.shown["transport"] == "poll"
            outcome = await client.run(office.id)
            again = await client.run(office.id)
            assert (outcome["ok"], again["ok"] or again["problem"]["code"]) == (True, "job_active")
            job = await client.ended(outcome["job"]["id"])
            assert job["status"] == "success"


async def test_over_http_alone_the_bar_moves_while_a_job_runs(company: Company):
    office = await company.scene.open_office("contmax", 200)
    await company.scene.slow(office, 500)
    with trio.fail_after(LIMIT_S):
        async with company.scene.serve(), company.client(feed=None) as client:
            await client.live()
            outcome = await client.run(office.id)
            assert (await client.ended(outcome["job"]["id"]))["status"] == "success"
            running = [s["jobs"][0] for s in client.snapshots if s["jobs"] and s["jobs"][0]["status"] == "running"]
            done = [job["progress_detail"]["done"] for job in running if job["progress_detail"]]
            assert done == sorted(done)
            assert len(set(done)) > 2, done


async def test_where_websockets_are_blocked_it_polls_and_finds_the_way_back(company: Company):
    office = await company.scene.open_office("contmax", 45)
    with trio.fail_after(LIMIT_S):
        async with company.scene.serve(), company.client() as client:
            await client.live()
            await client.ask("block", True)
            await client.ask("cut")
            await client.until(lambda c: c.shown["transport"] == "poll")
            outcome = await client.run(office.id)
            assert (await client.ended(outcome["job"]["id"]))["status"] == "success"
            await client.ask("block", False)
            await client.ask("reconnect")
            await client.until(lambda c: c.shown["transport"] == "socket")
            await client.live()


async def test_a_reply_that_is_lost_makes_no_second_job(company: Company):
    office = await company.scene.open_office("contmax", 20)
    with trio.fail_after(LIMIT_S):
        async with company.scene.serve(), company.client() as client:
            for _ in range(3):
                await client.live()
                before = await company.jobs()
                await client.ask("lose", "reply")
                outcome = await client.run(office.id)
                await client.ask("lose", None)
                assert outcome["ok"], outcome
                assert (await client.ended(outcome["job"]["id"]))["status"] == "success"
                assert await company.jobs() == before + 1


async def test_a_daemon_that_is_killed_is_reconnected_to_and_what_it_did_not_say_is_caught_up(company: Company):
    scene = company.scene
    office = await scene.open_office("contmax", 45)
    with trio.fail_after(LIMIT_S):
        async with company.client() as client:
            async with scene.serve() as daemon:
                await client.live()
                first = await client.run(office.id)
                await client.ended(first["job"]["id"])
                await daemon.kill()
                await client.until(lambda c: c.shown["connection"] == "reconnecting")
                assert client.job(first["job"]["id"])
            as_of = client.shown["asOf"]
            _, missed = await scene.request(office)
            assert client.shown["asOf"] == as_of
            async with scene.serve():
                await client.live()
                assert client.shown["asOf"] > as_of
                assert (await client.ended(str(missed)))["status"] == "success"
    assert client.states[:4] == ["reconnecting", "live", "reconnecting", "live"]


async def test_a_daemon_that_shuts_down_says_so_and_the_client_comes_back(company: Company):
    await company.scene.open_office("contmax", 45)
    with trio.fail_after(LIMIT_S):
        async with company.client() as client:
            async with company.scene.serve() as daemon:
                await client.until(lambda c: c.shown["transport"] == "socket")
                daemon.send(signal.SIGTERM)
                await daemon.wait()
            assert "bye" in client.heard
            async with company.scene.serve():
                await client.live()


async def test_a_token_that_expires_is_renewed_on_the_open_socket(company: Company):
    scene = company.scene
    office = await scene.open_office("contmax", 45)
    with trio.fail_after(LIMIT_S):
        async with scene.serve(**SIGNED_IN):
            user = uuid4()
            await add_member(scene, user, office.id)
            async with company.client(token=scene.token(user, lasts_s=30)) as client:
                await client.live()
                await client.ask("token", scene.token(user, lasts_s=3600))
                await client.until(lambda _: "ok" in client.heard)
                assert (await client.ask("count"))["opened"] == 1
                assert (await client.run(office.id))["ok"]


async def test_a_token_that_expired_is_replaced_by_a_fresh_one_at_once(company: Company):
    scene = company.scene
    office = await scene.open_office("contmax", 45)
    with trio.fail_after(LIMIT_S):
        async with scene.serve(**SIGNED_IN):
            user = uuid4()
            await add_member(scene, user, office.id)
            async with company.client(token=scene.token(user, lasts_s=3 - LEEWAY_S)) as client:
                await client.live()
                await client.until(lambda _: 4200 in client.closed)
                await client.ask("token", scene.token(user, lasts_s=3600))
                await client.live()


async def test_a_wrong_token_stops_the_client_until_it_has_another(company: Company):
    scene = company.scene
    office = await scene.open_office("contmax", 45)
    with trio.fail_after(LIMIT_S):
        async with scene.serve(**SIGNED_IN), company.client(token="forged") as client:
            await client.until(lambda c: c.shown["problem"])
            shown = client.shown
            assert (shown["connection"], shown["problem"]["code"]) == ("offline", "token_invalid")
            assert (shown["loading"], client.closed) == (False, [4001])
            await client.ask("token", await scene.person(office))
            await client.ask("reconnect")
            await client.live()


async def test_a_person_of_another_office_sees_nothing_of_it(company: Company):
    scene = company.scene
    mine, theirs = await scene.open_office("contmax", 20), await scene.open_office("outra", 20)
    with trio.fail_after(LIMIT_S):
        async with scene.serve(**SIGNED_IN), company.client(token=await scene.person(mine)) as client:
            await client.live()
            async with company.client(token=await scene.person(theirs)) as other:
                await other.live()
                outcome = await other.run(theirs.id)
                await other.ended(outcome["job"]["id"])
                refused = await client.run(theirs.id)
                assert not refused["ok"]
                assert refused["problem"]["status"] in (403, 404)
            own = await client.run(mine.id)
            await client.ended(own["job"]["id"])
            assert {job["tenant_id"] for s in client.snapshots for job in s["jobs"]} == {str(mine.id)}


async def test_a_running_job_is_cancelled_and_asked_for_again(company: Company):
    office = await company.scene.open_office("contmax", 200)
    await company.scene.slow(office, 300)
    with trio.fail_after(LIMIT_S):
        async with company.scene.serve(), company.client() as client:
            await client.live()
            job_id = (await client.run(office.id))["job"]["id"]
            await client.until(lambda c: (job := c.job(job_id)) and job["status"] == "running")
            assert (await client.ask("cancel", job_id))["ok"]
            assert (await client.ended(job_id))["status"] == "canceled"
            await company.scene.slow(office, 0)
            again = await client.ask("retry", job_id)
            assert again["ok"], again
            assert (await client.ended(again["job"]["id"]))["status"] == "success"
            refused = await client.ask("cancel", job_id)
            assert (refused["ok"], refused["problem"]["kind"]) == (False, "refused")


async def test_however_often_the_socket_is_cut_it_ends_at_what_the_database_holds(company: Company):
    scene = company.scene
    offices = [await scene.open_office(f"office-{n}", 20) for n in range(4)]
    with trio.fail_after(LIMIT_S):
        async with scene.serve(), company.client() as client:
            await client.live()

            async with trio.open_nursery() as nursery:
                nursery.start_soon(cut_again_and_again, client)
                while len(client.closed) < 4:
                    for _, job_id in [await scene.request(office) for office in offices]:
                        await scene.ended(job_id)
                nursery.cancel_scope.cancel()
            rows = await scene.conn.fetch("select id::text, status from integration_jobs")
            held = {row["id"]: row["status"] for row in rows}
            assert len(held) >= len(offices)
            await client.until(lambda c: {job["id"]: job["status"] for job in c.shown["jobs"]} == held)
            assert (await client.ask("refetch"))["jobs"] == client.shown["jobs"]


async def cut_again_and_again(client: Driver) -> None:
    while True:
        await client.live()
        await client.ask("cut")


async def add_member(scene: Scene, user: Any, office_id: Any) -> None:
    await scene.conn.execute(
        "insert into user_tenants (user_id, tenant_id, role) values ($1, $2, 'staff')", user, office_id
    )


async def test_a_client_that_nobody_watches_closes_its_socket_and_comes_back_where_it_was(company: Company):
    office = await company.scene.open_office("contmax", 20)
    with trio.fail_after(LIMIT_S):
        async with company.scene.serve(), company.client() as client:
            await client.live()
            await client.ask("leave")
            await client.until(lambda _: client.closed == [1000])
            _, job_id = await company.scene.request(office)
            await company.scene.ended(job_id)
            await client.ask("enter")
            assert (await client.ended(str(job_id)))["status"] == "success"
            assert client.heard.count("snapshot") == 1
