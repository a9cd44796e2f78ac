"""axe-core finds nothing wrong with any view, in either theme, on a desk or in a hand; and nothing overflows."""

from __future__ import annotations

import os
import shutil
import subprocess
from typing import TYPE_CHECKING, Any

import pytest
import trio
from playwright.sync_api import expect

from page import steps
from page.scene import SIGNED_IN
from page.test_views import HISTORY

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from page.chromium import Chromium
    from page.scene import Scene

LIMIT_S = 120.0
AXE = "axe-core@4"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
LOOK = """async (rules) => {
    const found = await axe.run(document, { runOnly: rules, resultTypes: ['violations'] });
    const told = (node) => `${node.target} ${node.failureSummary}`;
    return found.violations.map((each) => `${each.id}: ${each.nodes.map(told)}`);
}"""
OVERFLOW = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
NARROW = {"width": 320, "height": 640}
"""What WCAG asks for (1.4.10): a desk's screen at 400 %, a phone's at 120 %, and 640 pixels at 200 %."""
PHONE = {"width": 390, "height": 844}
DESK = {"width": 1280, "height": 900}


@pytest.fixture(scope="session")
def axe(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The script, out of npm's package, in a folder that goes away."""
    if shutil.which("npm") is None and not os.environ.get("CI"):
        pytest.skip("npm is missing: apt-get install npm")
    folder = tmp_path_factory.mktemp("axe")
    quiet = ["--silent", "--no-audit", "--no-fund", "--ignore-scripts", "--no-save"]
    got = subprocess.run(
        ["npm", "install", *quiet, "--prefix", folder, AXE], capture_output=True, text=True, check=False
    )
    if got.returncode and not os.environ.get("CI"):
        pytest.skip(f"npm cannot get {AXE}")
    assert got.returncode == 0, got.stderr
    return (folder / "node_modules" / "axe-core" / "axe.min.js").read_text()


def check(page: Page, axe: str, where: str) -> list[str]:
    """What is wrong with the page as it is now."""
    page.evaluate(axe)
    found = [f"{where}: {violation}" for violation in page.evaluate(LOOK, RULES)]
    given = page.viewport_size
    for size in (given, NARROW):
        page.set_viewport_size(size)
        if (over := page.evaluate(OVERFLOW)) > 0:
            found.append(f"{where}: {over} px wider than a screen of {size['width']}")
    page.set_viewport_size(given)
    return found


@pytest.mark.parametrize("size", [DESK, PHONE], ids=["desk", "phone"])
@pytest.mark.parametrize("theme", ["light", "dark"])
async def test_every_view_can_be_used_by_everybody(
    scene: Scene, chromium: Chromium, axe: str, theme: str, size: dict[str, int]
):
    await set_the_scene(scene)
    look: dict[str, Any] = {"color_scheme": theme, "viewport": size, "reduced_motion": "reduce"}
    with trio.fail_after(LIMIT_S):
        async with scene.serve(), chromium.visit(scene.url, **look) as visit:
            assert await visit.does(lambda page: tour(page, axe)) == []
            assert visit.said == []


async def test_the_door_can_be_used_by_everybody(scene: Scene, chromium: Chromium, axe: str):
    with trio.fail_after(LIMIT_S):
        async with scene.serve(**SIGNED_IN), chromium.visit(scene.url, viewport=PHONE) as visit:

            def knock(page: Page) -> list[str]:
                steps.sign_in(page, "nonsense")
                expect(page.get_by_role("alert")).to_contain_text("Este token não foi aceito.")
                return check(page, axe, "door")

            assert await visit.does(knock) == []


async def set_the_scene(scene: Scene) -> None:
    """A card in each state."""
    running = await scene.open_office("contmax", 2000)
    await scene.slow(running, 300)
    await scene.conn.execute(HISTORY, running.id, 50)
    done = await scene.open_office("horizonte", 20)
    await scene.conn.execute(HISTORY, done.id, 3)
    failed = await scene.open_office("solaris", 20)
    await scene.conn.execute(HISTORY.replace("% 5", "% 1"), failed.id, 3)
    await scene.open_office("desligada", 20, enabled=False)
    await scene.open_office("nova-era-contabilidade-e-assessoria-empresarial", 20)
    paused = await scene.open_office("parada", 20)
    await scene.conn.execute("select drena.pause($1, 'acessorias', 'férias')", paused.id)
    waiting = await scene.open_office("espera", 20)
    await scene.conn.execute("update tenant_integrations set provider = 'nobody' where tenant_id = $1", waiting.id)
    await scene.conn.execute(
        "insert into integration_jobs (tenant_id, provider_slug, created_at, run_at) "
        "values ($1, 'nobody', now() - interval '1 minute', now() - interval '1 minute')",
        waiting.id,
    )


def tour(page: Page, axe: str) -> list[str]:
    """Every view, dialog and notice there is."""
    steps.wait_live(page)
    steps.run(page, "contmax")
    steps.expect_state(page, "contmax", "running")
    steps.card_of(page, "contmax").locator("[data-act=run]").click(force=True)
    expect(steps.notices(page)).to_have_count(1)
    expect(steps.card_of(page, "espera")).to_contain_text("Fila aguardando")
    found = check(page, axe, "overview")
    steps.card_of(page, "contmax").get_by_role("link", name="Detalhes").click()
    expect(page.locator(".run")).to_have_count(21)
    page.locator(".run-row").nth(5).click()
    expect(page.locator(".run .log-lines")).to_have_count(1)
    found += check(page, axe, "detail")
    page.get_by_role("button", name="Ver tabela").click()
    page.get_by_role("button", name="Alterar agendamento").click()
    found += check(page, axe, "schedule")
    page.keyboard.press("Escape")
    page.locator("[data-act=cancel]").click()
    found += check(page, axe, "question")
    page.get_by_role("button", name="Cancelar execução").click()
    page.get_by_role("link", name="Servidores").click()
    expect(page.locator(".node")).to_have_count(1)
    return found + check(page, axe, "nodes")
