"""The four flows, as a person in front of the page does and sees them; and cancelling."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import trio
from playwright.sync_api import expect

from page import steps
from support.waiting import wait_ended

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from page.chromium import Chromium
    from page.scene import Scene

LIMIT_S = 90.0


async def test_flow_1_a_click_on_executar_fills_the_bar_to_its_end(scene: Scene, chromium: Chromium):
    office = await scene.open_office("contmax", 160)
    with trio.fail_after(LIMIT_S):
        async with scene.serve():
            # The first sync learns how many companies there are; from then on the bar knows its whole.
            assert (await scene.drena("request", "contmax", "acessorias", "--wait")).code == 0
            await scene.slow(office, 500)
            async with chromium.visit(scene.url) as visit:

                def click_and_watch(page: Page) -> list[int]:
                    steps.wait_live(page)
                    steps.expect_state(page, "contmax", "success")
                    steps.watch_bar(page)
                    steps.run(page, "contmax")
                    steps.expect_state(page, "contmax", "running")
                    expect(steps.card_of(page, "contmax")).to_contain_text("empresas · ")
                    expect(steps.card_of(page, "contmax")).to_contain_text("falta")
                    steps.expect_state(page, "contmax", "success", timeout_ms=30_000)
                    expect(steps.card_of(page, "contmax")).to_contain_text("160 lidos")
                    return steps.seen_on_bar(page)

                seen = await visit.does(click_and_watch)
                assert seen == sorted(seen)
                assert len(set(seen)) >= 4
                assert seen[-1] >= 90
                assert visit.said == []
    assert await scene.conn.fetchval("select count(*) from integration_jobs where status = 'success'") == 2


async def test_flow_2_a_double_click_says_that_it_is_in_progress_and_makes_one_job(scene: Scene, chromium: Chromium):
    office = await scene.open_office("contmax", 45)
    await scene.slow(office, 300)
    with trio.fail_after(LIMIT_S):
        async with scene.serve(), chromium.visit(scene.url) as visit:

            def double_click(page: Page) -> None:
                steps.wait_live(page)
                steps.card_of(page, "contmax").locator("[data-act=run]").dblclick()
                notice = steps.notices(page)
                expect(notice).to_have_count(1)
                expect(notice).to_contain_text("Execução em andamento")
                steps.expect_state(page, "contmax", "success", timeout_ms=30_000)
                # And a click while it runs is answered the same way, from wherever it comes.
                expect(page.locator(".notice-error")).to_have_count(0)

            await visit.does(double_click)
            assert visit.said == []
    assert await scene.conn.fetchval("select count(*) from integration_jobs") == 1


async def test_flow_3_a_forced_failure_is_tried_again_and_the_card_says_so(scene: Scene, chromium: Chromium):
    office = await scene.open_office("contmax", 45)
    await scene.fake.set_knobs(office.token, fail_next=1, fail_status=500, only_pages=[2])
    with trio.fail_after(LIMIT_S):
        async with scene.serve(retry__base_s=4, retry__cap_s=4), chromium.visit(scene.url) as visit:

            def watch_the_retry(page: Page) -> str:
                steps.wait_live(page)
                steps.run(page, "contmax")
                steps.expect_state(page, "contmax", "retrying")
                card = steps.card_of(page, "contmax")
                expect(card).to_contain_text("Tentativa 2 de")
                expect(card).to_contain_text("Última falha:")
                expect(card.locator("[data-act=run]")).to_contain_text("Tentar agora")
                said = card.inner_text()
                steps.expect_state(page, "contmax", "success", timeout_ms=30_000)
                return said

            await visit.does(watch_the_retry)
            assert visit.said == []
    job = await scene.conn.fetchrow("select status, attempts from integration_jobs")
    assert (job["status"], job["attempts"]) == ("success", 2)


async def test_flow_4_two_offices_drain_at_once(scene: Scene, chromium: Chromium):
    offices = [await scene.open_office(slug, 100) for slug in ("contmax", "horizonte")]
    for office in offices:
        await scene.slow(office, 400)
    with trio.fail_after(LIMIT_S):
        async with scene.serve(), chromium.visit(scene.url) as visit:

            def run_both(page: Page) -> list[str]:
                steps.wait_live(page)
                steps.watch_states(page)
                steps.run(page, "contmax")
                steps.run(page, "horizonte")
                steps.expect_state(page, "contmax", "success", timeout_ms=30_000)
                steps.expect_state(page, "horizonte", "success", timeout_ms=30_000)
                return steps.seen_on_cards(page)

            assert "running running" in await visit.does(run_both)
            assert visit.said == []
    for office in offices:
        await scene.assert_mirrored(office)


@pytest.mark.parametrize("where", ["overview", "detail"])
async def test_a_running_job_is_cancelled_after_a_question(scene: Scene, chromium: Chromium, where: str):
    office = await scene.open_office("contmax", 900)
    await scene.slow(office, 300)
    with trio.fail_after(LIMIT_S):
        async with scene.serve(), chromium.visit(scene.url) as visit:

            def cancel(page: Page) -> None:
                steps.wait_live(page)
                steps.run(page, "contmax")
                steps.expect_state(page, "contmax", "running")
                if where == "detail":
                    steps.card_of(page, "contmax").get_by_role("link", name="Detalhes").click()
                    expect(page.get_by_role("heading", level=1)).to_be_focused()
                page.locator("[data-act=cancel]").click()
                question = page.get_by_role("dialog")
                expect(question.get_by_role("button", name="Continuar executando")).to_be_focused()
                page.keyboard.press("Escape")
                expect(question).to_have_count(0)
                expect(page.locator("[data-act=cancel]")).to_be_focused()
                page.locator("[data-act=cancel]").click()
                question.get_by_role("button", name="Cancelar execução").click()
                expect(page.locator(".pill").first).to_have_text("Cancelado", timeout=5_000)

            await visit.does(cancel)
            await wait_ended(scene.conn)
            assert visit.said == []
    assert await scene.conn.fetchval("select status from integration_jobs") == "canceled"
