"""Everything else a person does: look closer, change the schedule, read history and logs, search, switch, type only."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import trio
from playwright.sync_api import expect

from page import steps
from page.cast import MANY
from page.scene import SIGNED_IN

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from page.chromium import Chromium
    from page.scene import Scene

LIMIT_S = 90.0
HISTORY = """
insert into integration_jobs (tenant_id, provider_slug, status, progress, attempts, created_at, started_at, finished_at,
                              execution_time_ms, error_message)
select $1, 'acessorias', case when n % 5 = 0 then 'error' else 'success' end, 100, 1, at, at, at + interval '40 s',
       40000, case when n % 5 = 0 then 'O Acessórias recusou o token (401).' end
from (select n, now() - n * interval '7 hours' as at from generate_series(1, $2::int) n) as past
"""


async def test_the_detail_view_tells_thirty_days_pages_of_history_and_the_log_of_each_run(
    scene: Scene, chromium: Chromium
):
    office = await scene.open_office("contmax", 60)
    await scene.conn.execute(HISTORY, office.id, 70)
    await scene.slow(office, 200)
    with trio.fail_after(LIMIT_S):
        async with scene.serve(), chromium.visit(scene.url) as visit:

            def look_closer(page: Page) -> None:
                steps.wait_live(page)
                steps.card_of(page, "contmax").get_by_role("link", name="Detalhes").click()
                expect(page).to_have_title("Acessórias · Escritório contmax · Drena")
                figures = page.locator(".figure dd")
                expect(figures.nth(0)).to_have_text("80%")
                expect(figures.nth(1)).to_have_text("40 s")
                expect(figures.nth(2)).to_have_text("70")
                expect(figures.nth(3)).to_have_text("14")
                expect(page.locator(".chart-good").first).to_be_visible()
                page.get_by_role("button", name="Ver tabela").click()
                expect(page.get_by_role("table").get_by_role("row").nth(1)).to_contain_text(re.compile(r"\d"))
                runs = page.locator(".run")
                expect(runs).to_have_count(20)
                page.locator("[data-act=more]").click()
                expect(runs).to_have_count(40)
                page.get_by_label("Situação").select_option("error")
                expect(runs).to_have_count(14)
                expect(runs.first).to_contain_text("recusou o token")
                page.get_by_label("Situação").select_option("")

                page.locator("[data-act=run]").click()
                now = page.locator(".now")
                expect(now.get_by_role("log")).to_contain_text("tentativa 1 iniciada")
                expect(runs.first).to_have_attribute("data-state", "success")
                expect(figures.nth(2)).to_have_text("71")
                runs.first.get_by_role("button").click()
                expect(runs.first).to_contain_text("1 / 5")  # what the provider asks for
                expect(runs.first.get_by_role("log")).not_to_be_empty()

            await visit.does(look_closer)
            assert visit.said == []


async def test_an_administrator_changes_the_schedule_and_disables_and_others_cannot(scene: Scene, chromium: Chromium):
    office = await scene.open_office("contmax", 45)
    integration = await scene.conn.fetchval("select id from tenant_integrations")
    with trio.fail_after(LIMIT_S):
        async with scene.serve(**SIGNED_IN):
            admin, staff = await scene.person(office, role="admin"), await scene.person(office)
            async with chromium.visit(f"{scene.url}#/integration/{integration}") as visit:

                def change(page: Page) -> None:
                    steps.sign_in(page, admin)
                    page.get_by_role("button", name="Alterar agendamento").click()
                    dialog = page.get_by_role("dialog")
                    dialog.get_by_label("Frequência").select_option("custom")
                    dialog.get_by_label("Expressão cron").fill("61 * * * *")
                    dialog.get_by_role("button", name="Salvar").click()
                    expect(dialog.get_by_role("alert")).not_to_be_empty()
                    dialog.get_by_label("Frequência").select_option("weekdays")
                    dialog.get_by_label("Horário", exact=True).fill("06:30")
                    dialog.get_by_label("Fuso horário").fill("America/Sao_Paulo")
                    expect(dialog).to_contain_text("de segunda a sexta às 06:30")
                    dialog.get_by_role("button", name="Salvar").click()
                    expect(dialog).to_have_count(0)
                    settings = page.locator(".settings")
                    expect(settings).to_contain_text("De segunda a sexta às 06:30")
                    expect(settings.locator("time").first).to_contain_text(re.compile("06:[3-5]"))  # give or take
                    expect(page.get_by_role("button", name="Alterar agendamento")).to_be_focused()
                    page.get_by_role("switch", name="Integração ativada").click()
                    page.get_by_role("button", name="Desativar").click()
                    expect(page.locator(".head .pill")).to_have_text("Desativado")
                    page.get_by_role("switch", name="Integração ativada").click()
                    expect(page.locator(".head .pill")).to_have_text("Configurado")
                    page.get_by_role("switch", name="Fila em pausa").click()
                    expect(page.locator(".head .pill")).to_have_text("Pausado")

                await visit.does(change)
                assert [line for line in visit.said if "422" not in line] == []
            stored = await scene.conn.fetchrow("select cron, timezone from drena.schedules")
            assert tuple(stored) == ("30 6 * * 1-5", "America/Sao_Paulo")
            async with chromium.visit(f"{scene.url}#/integration/{integration}") as visit:

                def only_look(page: Page) -> None:
                    steps.sign_in(page, staff)
                    expect(page.locator(".settings")).to_contain_text("Só administradores")
                    expect(page.get_by_role("button", name="Alterar agendamento")).to_have_count(0)
                    expect(page.get_by_role("switch", name="Integração ativada")).to_be_disabled()

                await visit.does(only_look)
                assert visit.said == []


async def test_a_job_that_waits_long_says_so_and_why(scene: Scene, chromium: Chromium):
    office = await scene.open_office("contmax", 45)
    await scene.conn.execute("update tenant_integrations set provider = 'nobody_has_it'")
    await scene.conn.execute(
        "insert into integration_jobs (tenant_id, provider_slug, created_at, run_at) "
        "values ($1, 'nobody_has_it', now() - interval '2 minutes', now() - interval '2 minutes')",
        office.id,
    )
    with trio.fail_after(LIMIT_S):
        async with scene.serve(), chromium.visit(scene.url) as visit:

            def read(page: Page) -> None:
                card = steps.card_of(page, "contmax")
                expect(card).to_contain_text("Fila aguardando reprocessamento")
                expect(card).to_contain_text("Nenhum servidor ativo")
                expect(card).to_contain_text("nobody_has_it")
                page.get_by_role("button", name="English").click()
                expect(card).to_contain_text("Queue waiting to be processed again")
                expect(card).to_contain_text("No live node")

            await visit.does(read)
            assert visit.said == []


async def test_what_a_provider_counts_is_told_in_the_language_of_the_page(scene: Scene, chromium: Chromium):
    office = await scene.open_office("contmax", 45)
    words = '{"companies": {"pt": "empresas", "en": "companies"}}'
    await scene.conn.execute(
        "insert into integration_jobs (tenant_id, provider_slug, status, started_at, progress, progress_detail) "
        f"""values ($1, 'acessorias', 'running', now(), 40, '{{"done": 64, "total": 160, "unit": "companies",
        "words": {words}}}')""",
        office.id,
    )
    with trio.fail_after(LIMIT_S):
        async with scene.serve(), chromium.visit(scene.url) as visit:

            def read(page: Page) -> None:
                card = steps.card_of(page, "contmax")
                expect(card).to_contain_text("64 de 160 empresas")
                page.get_by_role("button", name="English").click()
                expect(card).to_contain_text("64 of 160 companies")

            await visit.does(read)
            assert visit.said == []


async def test_language_and_colours_follow_the_browser_until_somebody_chooses(scene: Scene, chromium: Chromium):
    await scene.open_office("contmax", 45)
    with trio.fail_after(LIMIT_S):
        async with scene.serve(), chromium.visit(scene.url, locale="en-US", color_scheme="dark") as visit:

            def choose(page: Page) -> None:
                ground = "getComputedStyle(document.body).backgroundColor"
                expect(page.get_by_role("heading", level=1)).to_have_text("Integrations")
                expect(page.locator("html")).to_have_attribute("lang", "en")
                dark = page.evaluate(ground)
                page.get_by_role("button", name="Appearance: as the system").click()
                light = page.evaluate(ground)
                assert dark != light
                page.get_by_role("button", name="Português").click()
                expect(page.get_by_role("heading", level=1)).to_have_text("Integrações")
                page.reload()
                expect(page.get_by_role("heading", level=1)).to_have_text("Integrações")
                expect(page.locator("html")).to_have_attribute("lang", "pt-BR")
                assert page.evaluate(ground) == light

            await visit.does(choose)
            assert visit.said == []


async def test_among_more_than_a_thousand_offices_one_finds_a_name_and_a_failure(scene: Scene, chromium: Chromium):
    await scene.conn.execute(MANY, 1205)
    await scene.open_office("contmax", 45)
    with trio.fail_after(LIMIT_S):
        async with scene.serve(), chromium.visit(scene.url) as visit:

            def search(page: Page) -> None:
                expect(page.locator(".card")).to_have_count(60)
                expect(page.locator("main")).to_contain_text("Mostrando 60 de 1.206 escritórios")
                expect(page.locator(".filter-all")).to_contain_text("1.206")
                page.get_by_role("searchbox").fill("CONTABIL 1179")
                expect(page.locator(".card")).to_have_count(1)
                expect(page.locator(".card")).to_contain_text("Contábil nº 1179")
                expect(page.locator("main")).to_contain_text("1 escritório")
                page.get_by_role("searchbox").fill("nada disso")
                expect(page.get_by_role("heading", name="Nada encontrado")).to_be_visible()
                page.get_by_role("button", name="Mostrar todas").click()
                expect(page.locator(".card")).to_have_count(60)
                page.get_by_role("button", name="Mostrar mais").click()
                expect(page.locator(".card")).to_have_count(120)

            def filter_failures(page: Page) -> None:
                expect(page.locator(".filter-error")).to_contain_text("2")
                page.locator(".filter-error").click()
                expect(page.locator(".card")).to_have_count(2)
                expect(page.locator("main")).to_contain_text("Contábil nº 1190")

            def run_one_of_them(page: Page) -> None:
                page.locator(".filter-all").click()
                page.get_by_role("searchbox").fill("contmax")
                expect(page.locator(".card")).to_have_count(1)
                steps.run(page, "contmax")
                steps.expect_state(page, "contmax", "success", timeout_ms=30_000)
                page.locator(".card h2 a").click()
                expect(page.get_by_role("heading", level=1)).to_have_text("Acessórias")
                page.reload()  # its office is not among the first sixty
                expect(page.locator(".head")).to_contain_text("Escritório contmax")
                expect(page.locator(".now")).to_contain_text("lidos")

            await visit.does(search)
            await visit.does(filter_failures)
            await visit.does(run_one_of_them)
            assert visit.said == []


async def test_the_keyboard_alone_is_enough(scene: Scene, chromium: Chromium):
    office = await scene.open_office("contmax", 900)
    await scene.slow(office, 200)
    with trio.fail_after(LIMIT_S):
        async with scene.serve(), chromium.visit(scene.url) as visit:

            def tab_to(page: Page, name: str) -> None:
                for _ in range(40):
                    page.keyboard.press("Tab")
                    said = "document.activeElement.getAttribute('aria-label') || document.activeElement.innerText"
                    if name in page.evaluate(said):
                        visible = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
                        assert visible != "none", f"nobody sees that {name} has the focus"
                        return
                raise AssertionError(f"no way to {name} with the Tab key")

            def work(page: Page) -> None:
                steps.wait_live(page)
                page.keyboard.press("Tab")
                expect(page.get_by_role("link", name="Ir para o conteúdo")).to_be_focused()
                page.keyboard.press("Enter")
                expect(page.locator("main")).to_be_focused()
                tab_to(page, "Executar Acessórias")
                page.keyboard.press("Enter")
                steps.expect_state(page, "contmax", "running")
                expect(page.locator("[data-act=run]")).to_be_focused()  # nothing was pulled away under it
                page.keyboard.press("Enter")
                expect(steps.notices(page)).to_contain_text("Execução em andamento")
                tab_to(page, "Cancelar Acessórias")
                page.keyboard.press("Space")
                tab_to(page, "Cancelar execução")
                page.keyboard.press("Enter")
                steps.expect_state(page, "contmax", "canceled")
                expect(page.locator("[data-announcer]")).to_contain_text("cancelado")
                page.keyboard.press("Shift+Tab")
                tab_to(page, "Detalhes de Acessórias")
                page.keyboard.press("Enter")
                expect(page.get_by_role("heading", level=1)).to_be_focused()
                tab_to(page, "Integração ativada")
                page.keyboard.press("Space")
                tab_to(page, "Desativar")
                page.keyboard.press("Enter")
                expect(page.locator(".head .pill")).to_have_text("Desativado")

            await visit.does(work)
            assert visit.said == []


async def test_the_page_weighs_less_than_200_kb_on_the_wire_and_comes_from_one_place(scene: Scene, chromium: Chromium):
    await scene.open_office("contmax", 45)
    with trio.fail_after(LIMIT_S):
        async with scene.serve(), chromium.visit("") as visit:

            def weigh(page: Page) -> tuple[int, set[str]]:
                asked: set[str] = set()
                page.on("request", lambda request: asked.add(request.url))
                network = page.context.new_cdp_session(page)
                network.send("Network.enable")
                sizes: list[float] = []
                network.on("Network.loadingFinished", lambda event: sizes.append(event["encodedDataLength"]))
                page.goto(scene.url)
                steps.wait_live(page)
                steps.expect_state(page, "contmax", "configured")
                return int(sum(sizes)), asked

            weight, asked = await visit.does(weigh)
            print(f"the page weighs {weight} bytes in {len(asked)} requests")
            assert weight < 200_000
            assert {url for url in asked if not url.startswith(scene.url)} == set()
            assert visit.said == []
