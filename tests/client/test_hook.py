"""The hook in an application as the old frontend was: React 18 and 19 under StrictMode, built by Vite, in a browser."""

from __future__ import annotations

import json
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import quote
from uuid import uuid4

import pytest
import trio
from playwright.sync_api import expect

from client.serving import serve_folder
from page.scene import SIGNED_IN

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from playwright.sync_api import Locator, Page

    from client.workshop import Workshop
    from flows.stage import Office
    from page.chromium import Chromium, Visit
    from page.scene import Scene

LIMIT_S = 90.0
NO_DEVTOOLS_HINT = "globalThis.__REACT_DEVTOOLS_GLOBAL_HOOK__ = { isDisabled: true }"
"""React's advertisement for its own tool is the one console message that is not about the application."""


class Application:
    """The application on its own origin, and the daemon it talks to on two others."""

    def __init__(self, scene: Scene, chromium: Chromium, origin: str) -> None:
        self.scene = scene
        self.origin = origin
        self._chromium = chromium

    def serve(self, **settings: Any) -> Any:
        """The scene's daemon, which lets this origin in."""
        return self.scene.serve(http__cors_origins=self.origin, feed__origins=self.origin, **settings)

    @asynccontextmanager
    async def visit(self, *offices: Office, **wanted: Any) -> AsyncIterator[Visit]:
        """Somebody looks at the cards of these offices."""
        cards = [{"tenantId": str(office.id), "slug": "acessorias", "name": office.slug} for office in offices]
        where = {
            "feed": f"ws://127.0.0.1:{self.scene.feed_port}",
            "http": f"http://127.0.0.1:{self.scene.http_port}",
            "integrations": cards,
        }
        url = f"{self.origin}/#{quote(json.dumps(where | wanted))}"
        async with self._chromium.visit("") as visit:

            def go(page: Page) -> None:
                page.add_init_script(NO_DEVTOOLS_HINT)
                page.goto(url)

            await visit.does(go)
            yield visit


BOTH = pytest.mark.parametrize("application", ["react18", "react19"], indirect=True)
"""For what could differ between Reacts; all else is seen on the newer one."""


@pytest.fixture
async def application(
    request: pytest.FixtureRequest, scene: Scene, workshop: Workshop, chromium: Chromium
) -> AsyncIterator[Application]:
    with serve_folder(workshop.application(getattr(request, "param", "react19"))) as origin:
        yield Application(scene, chromium, origin)


def card(page: Page, name: str) -> Locator:
    return page.get_by_role("article", name=name)


def expect_status(page: Page, name: str, label: str) -> None:
    expect(card(page, name).get_by_test_id("status")).to_have_text(label)


def expect_live(page: Page) -> None:
    expect(page.get_by_test_id("connection")).to_have_text("Ao vivo")


def run(page: Page, name: str) -> None:
    card(page, name).get_by_role("button", name="Executar").click()


def notices(page: Page) -> Locator:
    return page.get_by_role("list", name="Avisos").get_by_role("listitem")


@BOTH
async def test_a_click_is_followed_on_the_card_to_its_end_without_a_word_on_the_console(application: Application):
    office = await application.scene.open_office("contmax", 160)
    await application.scene.slow(office, 100)
    with trio.fail_after(LIMIT_S):
        async with application.serve(), application.visit(office) as visit:

            def click_and_watch(page: Page) -> int:
                expect_live(page)
                expect_status(page, "contmax", "Configurado")
                run(page, "contmax")
                expect(card(page, "contmax").get_by_role("button", name="Executar")).to_be_disabled()
                expect_status(page, "contmax", "Processando…")
                expect(card(page, "contmax").get_by_role("progressbar")).to_be_visible()
                expect_status(page, "contmax", "Concluído")
                expect(card(page, "contmax").get_by_role("button", name="Executar")).to_be_enabled()
                expect(card(page, "contmax").get_by_test_id("count")).to_have_text("1")
                expect(notices(page)).to_have_count(0)
                return page.evaluate("window.sockets")

            assert await visit.does(click_and_watch) == 1, "all hooks share one socket, under StrictMode too"
            assert visit.said == []


@BOTH
async def test_a_double_click_shows_the_notice_and_makes_one_job(application: Application):
    office = await application.scene.open_office("contmax", 45)
    await application.scene.slow(office, 200)
    with trio.fail_after(LIMIT_S):
        async with application.serve(), application.visit(office) as visit:

            def double_click(page: Page) -> None:
                expect_live(page)
                # Both within one turn of the browser: no answer and no drawing comes between them.
                button = card(page, "contmax").get_by_role("button", name="Executar")
                button.evaluate("(button) => { button.click(); button.click(); }")
                expect(notices(page)).to_have_count(1)
                expect(notices(page)).to_contain_text("Execução em andamento")
                expect(notices(page)).to_have_attribute("data-kind", "job_active")
                expect_status(page, "contmax", "Concluído")

            await visit.does(double_click)
            assert visit.said == []
    assert await application.scene.conn.fetchval("select count(*) from integration_jobs") == 1


async def test_a_failure_shows_its_message_and_may_be_run_again(application: Application):
    office = await application.scene.open_office("contmax", 20)
    await application.scene.fake.set_knobs(office.token, revoked=True)
    with trio.fail_after(LIMIT_S):
        async with application.serve(), application.visit(office) as visit:

            def see_it_fail(page: Page) -> str:
                expect_live(page)
                run(page, "contmax")
                expect_status(page, "contmax", "Falha")
                expect(card(page, "contmax").get_by_role("button", name="Executar")).to_be_enabled()
                return card(page, "contmax").get_by_role("alert").inner_text()

            message = await visit.does(see_it_fail)
            assert message == await application.scene.conn.fetchval("select error_message from integration_jobs")
            assert visit.said == []


@BOTH
async def test_a_job_that_waits_long_says_why(application: Application):
    office = await application.scene.open_office("contmax", 20)
    await application.scene.conn.execute(
        "insert into drena.pauses (tenant_id, provider_slug) values ($1, 'acessorias')", office.id
    )
    with trio.fail_after(LIMIT_S):
        async with application.serve(), application.visit(office, waitingAfterMs=500) as visit:

            def wait(page: Page) -> None:
                expect_live(page)
                run(page, "contmax")
                expect_status(page, "contmax", "Na fila…")
                expect(notices(page)).to_have_count(1)
                expect(notices(page)).to_contain_text("Fila aguardando reprocessamento")
                expect(notices(page)).to_contain_text("em pausa")
                expect(card(page, "contmax").get_by_role("status")).to_contain_text("em pausa")

            await visit.does(wait)
            await application.scene.conn.execute("delete from drena.pauses")

            def go_on(page: Page) -> None:
                expect_status(page, "contmax", "Concluído")
                expect(card(page, "contmax").get_by_role("status")).to_have_count(0)

            await visit.does(go_on)
            assert visit.said == []


async def test_a_refusal_and_a_lost_network_are_told_apart(application: Application):
    scene = application.scene
    office, foreign = await scene.open_office("contmax", 20), await scene.open_office("outra", 20)
    with trio.fail_after(LIMIT_S):
        async with (
            application.serve(**SIGNED_IN),
            application.visit(office, foreign, token=await scene.person(office)) as visit,
        ):

            def refused(page: Page) -> None:
                expect_live(page)
                run(page, "outra")
                expect(notices(page)).to_have_attribute("data-kind", "refused")

            def cut_off(page: Page) -> None:
                page.context.set_offline(True)
                expect(page.get_by_test_id("connection")).to_have_text("Sem conexão")
                run(page, "contmax")
                expect(notices(page).nth(1)).to_have_attribute("data-kind", "network")

            await visit.does(refused)
            assert visit.said == []
            await visit.does(cut_off)
    assert await scene.conn.fetchval("select count(*) from integration_jobs where tenant_id = $1", foreign.id) == 0


async def test_a_daemon_that_dies_is_shown_with_the_age_of_what_is_seen_and_all_is_right_after_it(
    application: Application,
):
    office = await application.scene.open_office("contmax", 20)
    with trio.fail_after(LIMIT_S):
        async with application.visit(office) as visit:
            async with application.serve() as daemon:

                def settle(page: Page) -> None:
                    expect_live(page)
                    run(page, "contmax")
                    expect_status(page, "contmax", "Concluído")

                await visit.does(settle)
                await daemon.kill()

                def see_the_age(page: Page) -> None:
                    expect(page.get_by_test_id("connection")).to_have_text("Reconectando…")
                    expect(page.get_by_test_id("age")).to_contain_text("Dados de")
                    expect_status(page, "contmax", "Concluído")

                await visit.does(see_the_age)
            _, missed = await application.scene.request(office)
            async with application.serve():
                await application.scene.ended(missed)

                def see_it_right(page: Page) -> None:
                    expect_live(page)
                    expect(card(page, "contmax").get_by_test_id("count")).to_have_text("2")

                await visit.does(see_it_right)
            assert visit.said_by_the_page() == []


@BOTH
async def test_a_page_that_is_left_closes_the_socket_and_one_that_is_only_changed_keeps_it(application: Application):
    office = await application.scene.open_office("contmax", 20)
    with trio.fail_after(LIMIT_S):
        async with application.serve(), application.visit(office) as visit:

            def leave_and_return(page: Page) -> tuple[int, int]:
                expect_live(page)
                page.get_by_role("button", name="Esconder").click()
                page.get_by_role("button", name="Mostrar").click()
                expect_live(page)
                kept = page.evaluate("window.sockets")
                page.get_by_role("button", name="Esconder").click()
                page.wait_for_function("window.drena.getSnapshot().connection === 'reconnecting'")
                page.get_by_role("button", name="Mostrar").click()
                expect_live(page)
                return kept, page.evaluate("window.sockets")

            assert await visit.does(leave_and_return) == (1, 2)
            assert visit.said == []


async def test_a_session_that_expires_goes_on_with_the_next_token(application: Application):
    scene = application.scene
    office = await scene.open_office("contmax", 20)
    with trio.fail_after(LIMIT_S):
        async with application.serve(**SIGNED_IN):
            user = uuid4()
            await scene.conn.execute("insert into user_tenants (user_id, tenant_id) values ($1, $2)", user, office.id)
            async with application.visit(office, token=scene.token(user, lasts_s=20)) as visit:
                fresh = scene.token(user)

                def go_on(page: Page) -> int:
                    expect_live(page)
                    page.evaluate("(token) => { window.token = token; }", fresh)
                    run(page, "contmax")
                    expect_status(page, "contmax", "Concluído")
                    return page.evaluate("window.sockets")

                assert await visit.does(go_on) == 1
                assert visit.said == []
