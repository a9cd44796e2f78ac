"""`make pictures`: every state of the page, on a desk and in a hand, light and dark, in both languages, as PNG files;
and on the narrowest screen, which is also a phone's with letters twice as large. ARGS="desk-light-pt" takes one look.

A real daemon, a real database and the fake Acessórias stand behind it. Look at the pictures after every change of the
page's looks: tests find what is wrong, not what is ugly.
"""

from __future__ import annotations

import itertools
import re
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import trio
from playwright.sync_api import expect

import asyncpg_trio
from drena.store.migrate import migrate
from page import steps
from page.cast import FONT, HISTORY, MANY, OFFICES
from page.chromium import Chromium, find_chromium
from page.scene import SIGNED_IN, Scene
from support.fakes import open_fake, run_fake
from support.postgres import PostgresServer

if TYPE_CHECKING:
    from playwright.sync_api import Page

SIZES = {"desk": {"width": 1280, "height": 860}, "phone": {"width": 390, "height": 844}}
NARROW = {"narrow": {"width": 320, "height": 640}}
LOOKS = [*itertools.product(SIZES, ("light", "dark"), ("pt", "en")), ("narrow", "light", "pt")]
HALF = re.compile("^[45].$")
LOCALES = {"pt": "pt-BR", "en": "en-US"}


class Camera:
    """Takes a page's picture in one look."""

    def __init__(self, folder: Path, size: str, theme: str, lang: str) -> None:
        self._folder = folder
        self._name = f"{size}-{theme}-{lang}"
        self.context: dict[str, Any] = {
            "viewport": (SIZES | NARROW)[size],
            "color_scheme": theme,
            "locale": LOCALES[lang],
            "device_scale_factor": 1 if size == "desk" else 2,
            "reduced_motion": "reduce",
        }

    def take(self, page: Page, state: str, *, whole: bool = False) -> None:
        """Save it; complain of what does not fit."""
        over = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        path = self._folder / f"{state}-{self._name}.png"
        page.screenshot(path=path, full_page=whole)
        print(path, f"OVERFLOWS by {over} px" if over > 0 else "", flush=True)


def main(folder: Path, wanted: str) -> None:
    """Everything, one look after the other; or the look of this name alone."""
    folder.mkdir(parents=True, exist_ok=True)
    program = find_chromium()
    if program is None:
        sys.exit("chromium is missing: apt-get install chromium")
    with ExitStack() as stack:
        server = stack.enter_context(PostgresServer())
        fake = stack.enter_context(run_fake())
        chromium = stack.enter_context(Chromium(program))
        for look in LOOKS:
            if wanted not in ("", "-".join(look)):
                continue
            trio.run(take_look, server.create_database(), fake, chromium, Camera(folder, *look))


async def take_look(dsn: str, fake_address: tuple[str, int], chromium: Chromium, camera: Camera) -> None:
    """All states in one look."""
    async with open_fake(*fake_address) as fake, asyncpg_trio.connect(dsn) as conn:
        await migrate(conn)
        scene = Scene(dsn=dsn, conn=conn, fake=fake)
        await furnish(scene)
        async with (
            chromium.visit("", **camera.context) as visit,
            scene.serve(retry__base_s=300, retry__cap_s=600) as daemon,
        ):
            await scene.drena("request", OFFICES[0][0], "acessorias", "--wait")  # from now on the bar knows its whole
            await scene.slow(scene.offices[0], 900)
            await visit.does(lambda page: take_inside(page, scene, camera))
            await daemon.kill()
            await visit.does(lambda page: take_lost(page, camera))
        async with scene.serve(**SIGNED_IN), chromium.visit(scene.url, **camera.context) as visit:
            await visit.does(lambda page: take_door(page, camera))
        await scene.conn.execute(MANY, 1200)
        async with scene.serve(), chromium.visit(scene.url, **camera.context) as visit:
            await visit.does(lambda page: take_many(page, camera))


async def furnish(scene: Scene) -> None:
    """Offices in every state."""
    for slug, name, state in OFFICES:
        office = await scene.open_office(slug, 700 if state == "running" else 60, enabled=state != "disabled")
        await scene.conn.execute("update organizacoes set nome = $2 where id = $1", office.id, name)
        await scene.conn.execute(
            "insert into drena.schedules (tenant_id, provider_slug, cron, timezone, next_at) "
            "values ($1, 'acessorias', '30 6 * * 1-5', 'America/Sao_Paulo', now() + interval '9 hours')",
            office.id,
        )
        if state in ("running", "success", "error"):
            await scene.conn.execute(HISTORY, office.id, state == "error")
        if state == "retrying":
            await scene.fake.set_knobs(office.token, fail_next=1000, fail_status=503)
        if state == "paused":
            await scene.conn.execute("select drena.pause($1, 'acessorias', '')", office.id)
        if state == "waiting":
            await scene.conn.execute(
                "update tenant_integrations set provider = 'dominio' where tenant_id = $1", office.id
            )
            await scene.conn.execute(
                "insert into integration_jobs (tenant_id, provider_slug, created_at, run_at) "
                "values ($1, 'dominio', now() - interval '4 minutes', now() - interval '4 minutes')",
                office.id,
            )


def take_door(page: Page, camera: Camera) -> None:
    """Before anybody is known."""
    page.add_init_script(FONT)
    page.reload()
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    camera.take(page, "door")


def take_many(page: Page, camera: Camera) -> None:
    """More offices than anybody scrolls through."""
    page.add_init_script(FONT)
    page.reload()
    steps.wait_live(page)
    expect(page.locator(".card").nth(50)).to_be_visible()
    camera.take(page, "many")
    page.get_by_role("searchbox").fill("nada disso")
    expect(page.locator(".empty")).to_be_visible()
    camera.take(page, "nothing")


def take_inside(page: Page, scene: Scene, camera: Camera) -> None:
    """Everything that is seen while the daemon lives."""
    page.add_init_script(FONT)
    page.goto(scene.url)
    steps.wait_live(page)
    running, retrying = (page.locator(".card", has_text=OFFICES[index][1]) for index in (0, 1))
    running.locator("[data-act=run]").click()
    retrying.locator("[data-act=run]").click()
    expect(retrying).to_have_attribute("data-state", "retrying", timeout=30_000)
    expect(running.get_by_role("progressbar")).to_have_attribute("aria-valuenow", HALF, timeout=60_000)
    camera.take(page, "overview", whole=True)
    running.locator("[data-act=run]").click(force=True)
    expect(steps.notices(page)).to_have_count(1)
    camera.take(page, "notice")
    page.locator(".notice .icon-button").click()
    running.locator("[data-act=cancel]").click()
    camera.take(page, "question")
    page.keyboard.press("Escape")
    running.locator("h2 a").click()
    expect(page.locator(".chart-good").first).to_be_visible()
    camera.take(page, "detail", whole=True)
    page.locator(".run-row").nth(3).click()
    page.wait_for_timeout(500)
    page.locator(".run").nth(3).scroll_into_view_if_needed()
    camera.take(page, "history")
    page.locator(".settings .button").click()
    camera.take(page, "schedule")
    page.keyboard.press("Escape")
    page.goto(f"{scene.url}#/nodes")
    expect(page.locator(".node")).to_have_count(1)
    camera.take(page, "nodes")
    page.goto(f"{scene.url}#/")


def take_lost(page: Page, camera: Camera) -> None:
    """The daemon has died."""
    expect(page.locator(".banner")).to_be_visible()
    page.wait_for_timeout(2_500)
    camera.take(page, "lost")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "build/pictures"), sys.argv[2] if len(sys.argv) > 2 else "")
