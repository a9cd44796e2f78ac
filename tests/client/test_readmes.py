"""What the two README pages show and promise."""

from __future__ import annotations

import re
import shutil
from typing import TYPE_CHECKING

import trio
from playwright.sync_api import expect

from client.serving import serve_folder
from client.workshop import CONTRIB, HERE

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Page

    from client.workshop import Workshop
    from page.chromium import Chromium
    from page.scene import Scene

LIMIT_S = 60.0
CLIENT, REACT = ((CONTRIB / name / "README.md").read_text() for name in ("drena-client", "drena-react"))


def block(page: str, language: str) -> str:
    """The first block of code in a language."""
    found = re.search(rf"^```{language}\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    assert found is not None
    return found[1]


async def test_the_example_of_the_client_works_as_it_stands(
    scene: Scene, workshop: Workshop, chromium: Chromium, tmp_path: Path
):
    example = block(CLIENT, "html")
    for shown, real in (
        ("wss://drena.example.com/feed", f"ws://127.0.0.1:{scene.feed_port}"),
        ("https://drena.example.com", f"http://127.0.0.1:{scene.http_port}"),
    ):
        assert shown in example
        example = example.replace(shown, real)
    (tmp_path / "index.html").write_text(example)
    shutil.copytree(workshop.packed("drena-client"), tmp_path / "node_modules" / "drena-client")
    office = await scene.open_office("contmax", 60)
    await scene.slow(office, 150)

    def click(page: Page) -> None:
        expect(page.locator("#connection")).to_have_text("Ao vivo")
        item = page.locator("#integrations li")
        expect(item).to_contain_text("acessorias: Configurado")
        item.get_by_role("button").click()
        expect(item).to_contain_text("Processando…")
        expect(item.get_by_role("button")).to_be_disabled()
        expect(item).to_contain_text("Concluído")

    with trio.fail_after(LIMIT_S), serve_folder(tmp_path) as origin:
        async with (
            scene.serve(http__cors_origins=origin, feed__origins=origin),
            chromium.visit(f"{origin}/index.html") as visit,
        ):
            await visit.does(click)
            assert visit.said == []


def test_the_page_of_the_hook_names_all_that_the_hook_returns():
    types = (CONTRIB / "drena-react" / "types" / "hooks.d.ts").read_text()
    returned = re.search(r"export type IntegrationJobs = \{(.*?)\n\};", types, re.DOTALL)
    assert returned is not None
    names = re.findall(r"^    (\w+):", returned[1], re.MULTILINE)
    assert len(names) == 9
    assert [name for name in names if not re.search(rf"^\| `{name}[(`]", REACT, re.MULTILINE)] == []


def test_the_page_of_the_hook_names_every_kind_of_notice():
    types = (CONTRIB / "drena-react" / "types" / "notices.d.ts").read_text()
    kinds = re.search(r"^    kind: (.*);", types, re.MULTILINE)
    assert kinds is not None
    assert set(re.findall(r'"(\w+)"', kinds[1])) == set(
        re.findall(r"^\| `(\w+)` \| `(?:info|warning|error)` \|", REACT, re.MULTILINE)
    )


def test_the_page_of_the_client_names_everything_a_snapshot_holds_and_a_client_does():
    client = (CONTRIB / "drena-client" / "types" / "client.d.ts").read_text()
    shown = (CONTRIB / "drena-client" / "types" / "types.d.ts").read_text()
    snapshot = re.search(r"export type FeedSnapshot = \{(.*?)\n\};", shown, re.DOTALL)
    assert snapshot is not None
    held = set(re.findall(r"^    (\w+):", snapshot[1], re.MULTILINE))
    does = set(re.findall(r"^    (\w+)(?:\(|: \()", client, re.MULTILINE)) - {"constructor"}
    internal = {"getServerSnapshot", "serverNow"}
    assert {name for name in held | (does - internal) if f"`{name}" not in CLIENT} == set()


def test_the_old_page_needed_the_one_line_that_the_page_on_migrating_shows():
    (line,) = re.findall(r"^\+(import .*)$", REACT, re.MULTILINE)
    assert line in (HERE / "app" / "integrations.jsx").read_text().splitlines()
