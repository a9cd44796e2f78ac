"""What the page does when the daemon, the network, the tab or the token goes away, and comes back."""

from __future__ import annotations

import re
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import trio
from playwright.sync_api import expect

from page import steps
from page.scene import SIGNED_IN

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from playwright.sync_api import Page

    from page.chromium import Chromium
    from page.scene import Scene

LIMIT_S = 90.0
AGE = re.compile(r"^Reconectando… · dados de \d+ s atrás$")
HIDE = """(hidden) => {
    Object.defineProperty(document, 'hidden', { configurable: true, get: () => hidden });
    const state = () => hidden ? 'hidden' : 'visible';
    Object.defineProperty(document, 'visibilityState', { configurable: true, get: state });
    document.dispatchEvent(new Event('visibilitychange'));
}"""


async def test_a_daemon_that_dies_is_told_with_the_age_of_what_is_shown_and_is_right_again_without_a_reload(
    scene: Scene, chromium: Chromium
):
    office = await scene.open_office("contmax", 700)
    await scene.slow(office, 300)
    with trio.fail_after(LIMIT_S):
        async with chromium.visit("") as visit:
            async with scene.serve() as daemon:

                def begin(page: Page) -> None:
                    page.goto(scene.url)
                    steps.wait_live(page)
                    page.evaluate("window.sameDocument = true")
                    steps.run(page, "contmax")
                    steps.expect_state(page, "contmax", "running")
                    expect(steps.card_of(page, "contmax")).to_contain_text("empresas")

                await visit.does(begin)
                await daemon.kill()

                def lose(page: Page) -> None:
                    expect(page.locator(".chip")).to_have_text(AGE)
                    expect(page.locator(".banner")).to_contain_text("pode ter mudado")
                    steps.expect_state(page, "contmax", "running")  # what it knew last, and says how old that is

                await visit.does(lose)
            await scene.fake.set_knobs(office.token, latency_ms=0)
            async with scene.serve(lease__lease_s=3):

                def come_back(page: Page) -> None:
                    steps.wait_live(page)
                    expect(page.locator(".banner")).to_have_count(0)
                    steps.expect_state(page, "contmax", "success", timeout_ms=40_000)
                    assert page.evaluate("window.sameDocument")

                await visit.does(come_back)
                assert visit.said_by_the_page() == []


async def test_without_a_network_the_page_says_so_and_catches_up_when_it_is_back(scene: Scene, chromium: Chromium):
    await scene.open_office("contmax", 45)
    with trio.fail_after(LIMIT_S):
        async with scene.serve(), chromium.visit(scene.url) as visit:
            await visit.does(steps.wait_live)

            def go_offline(page: Page) -> None:
                page.context.set_offline(True)
                expect(page.locator(".chip")).to_have_attribute("data-connection", "offline")
                expect(page.locator(".chip")).to_contain_text("Sem internet · dados de")
                steps.run(page, "contmax")
                expect(page.locator(".notice-error")).to_have_count(1)

            await visit.does(go_offline)
            assert (await scene.drena("request", "contmax", "acessorias", "--wait")).code == 0

            def come_back(page: Page) -> None:
                page.context.set_offline(False)
                steps.wait_live(page)
                steps.expect_state(page, "contmax", "success")

            await visit.does(come_back)
            assert visit.said_by_the_page() == []


async def test_a_tab_that_slept_is_right_as_soon_as_somebody_looks(scene: Scene, chromium: Chromium):
    await scene.open_office("contmax", 45)
    with trio.fail_after(LIMIT_S):
        async with scene.serve(), chromium.visit(scene.url) as visit:

            def fall_asleep(page: Page) -> None:
                steps.wait_live(page)
                page.evaluate(HIDE, True)
                page.context.new_cdp_session(page).send("Page.setWebLifecycleState", {"state": "frozen"})

            await visit.does(fall_asleep)
            assert (await scene.drena("request", "contmax", "acessorias", "--wait")).code == 0

            def wake(page: Page) -> None:
                page.context.new_cdp_session(page).send("Page.setWebLifecycleState", {"state": "active"})
                page.evaluate(HIDE, False)
                steps.expect_state(page, "contmax", "success", timeout_ms=3_000)
                steps.wait_live(page)

            await visit.does(wake)
            assert visit.said == []


async def test_an_expired_token_asks_for_another_and_goes_on_where_it_was(scene: Scene, chromium: Chromium):
    office = await scene.open_office("contmax", 45)
    with trio.fail_after(LIMIT_S):
        async with scene.serve(**SIGNED_IN), chromium.visit(scene.url) as visit:
            short = await scene.person(office, lasts_s=4)
            longer = await scene.person(office)

            def expire(page: Page) -> None:
                steps.sign_in(page, short)
                steps.wait_live(page)
                page.evaluate("window.sameDocument = true")
                dialog = page.get_by_role("dialog")
                expect(dialog).to_contain_text("Sua sessão expirou", timeout=30_000)
                expect(dialog.get_by_label("Token de acesso", exact=True)).to_be_focused()
                page.keyboard.press("Escape")
                expect(dialog).to_be_visible()
                steps.expect_state(page, "contmax", "configured")  # what it knew stays behind the dialog

            await visit.does(expire)

            def renew(page: Page) -> None:
                steps.sign_in(page, longer)
                expect(page.get_by_role("dialog")).to_have_count(0)
                steps.wait_live(page)
                steps.run(page, "contmax")
                steps.expect_state(page, "contmax", "success")
                assert page.evaluate("window.sameDocument")
                assert longer not in page.url

            await visit.does(renew)
            assert [line for line in visit.said if "401" not in line] == []


async def test_a_wrong_token_is_refused_in_words_and_a_right_one_lets_in(scene: Scene, chromium: Chromium):
    office = await scene.open_office("contmax", 45)
    with trio.fail_after(LIMIT_S):
        async with scene.serve(**SIGNED_IN), chromium.visit(scene.url) as visit:
            token = await scene.person(office)

            def try_both(page: Page) -> None:
                steps.sign_in(page, "nonsense")
                expect(page.get_by_role("alert")).to_contain_text("Este token não foi aceito.")
                steps.sign_in(page, token)
                steps.wait_live(page)
                steps.expect_state(page, "contmax", "configured")
                page.reload()
                steps.wait_live(page)  # the tab remembers
                page.get_by_role("button", name="Sair").click()
                expect(page.get_by_role("heading", name="Entrar")).to_be_visible()
                assert page.evaluate("JSON.stringify([sessionStorage, localStorage])").find(token) < 0

            await visit.does(try_both)
            assert [line for line in visit.said if "401" not in line] == []


async def test_an_application_in_whose_frame_the_page_stands_hands_the_token_over(scene: Scene, chromium: Chromium):
    office = await scene.open_office("contmax", 45)
    token = await scene.person(office)
    application = f"""<!doctype html><title>Office</title><iframe src="{scene.url}" width=900 height=700></iframe>
        <script>
            addEventListener("message", (event) => {{
                if (event.data.type !== "drena:token-needed") return;
                event.source.postMessage({{ type: "drena:token", token: "{token}" }}, "{scene.url}");
            }});
        </script>"""
    with trio.fail_after(LIMIT_S):
        async with (
            serve_html(application) as parent,
            scene.serve(**SIGNED_IN, page__parents=parent),
            chromium.visit(parent) as visit,
        ):

            def look_into_the_frame(page: Page) -> None:
                frame = page.frame_locator("iframe")
                expect(frame.locator("li.card")).to_have_attribute("data-state", "configured")
                expect(frame.get_by_role("button", name="Sair")).to_have_count(0)

            await visit.does(look_into_the_frame)
            assert visit.said == []


@asynccontextmanager
async def serve_html(text: str) -> AsyncIterator[str]:
    """An application of another origin, on a free port; yields that origin."""

    async def answer(stream: trio.SocketStream) -> None:
        async with stream:
            await stream.receive_some()
            head = f"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: {len(text)}\r\n\r\n"
            await stream.send_all((head + text).encode())

    async with trio.open_nursery() as nursery:
        listeners = await trio.open_tcp_listeners(0, host="127.0.0.1")
        await nursery.start(trio.serve_listeners, answer, listeners)
        yield f"http://localhost:{listeners[0].socket.getsockname()[1]}"
        nursery.cancel_scope.cancel()


async def test_another_tenants_user_sees_nothing_of_it(scene: Scene, chromium: Chromium):
    ours, theirs = await scene.open_office("contmax", 45), await scene.open_office("horizonte", 45)
    with trio.fail_after(LIMIT_S):
        async with scene.serve(**SIGNED_IN), chromium.visit(scene.url) as visit:
            token = await scene.person(theirs)
            await visit.does(lambda page: (steps.sign_in(page, token), steps.wait_live(page)))
            assert (await scene.drena("request", "contmax", "acessorias", "--wait")).code == 0
            assert (await scene.drena("request", "horizonte", "acessorias", "--wait")).code == 0
            hidden = await scene.conn.fetchval("select id from tenant_integrations where tenant_id = $1", ours.id)

            def look(page: Page) -> str:
                steps.expect_state(page, "horizonte", "success")
                expect(page.locator(".card")).to_have_count(1)
                everything = page.content()
                page.goto(f"{scene.url}#/integration/{hidden}")
                expect(page.get_by_role("heading", level=1)).to_have_text("Integração não encontrada")
                return everything + page.content()

            assert "contmax" not in await visit.does(look)
            assert visit.said == []
