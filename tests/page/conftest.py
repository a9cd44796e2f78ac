"""What browser tests share: one Chromium a run, and a stage whose daemons serve the page."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from page.chromium import Chromium, find_chromium
from page.scene import Scene
from support.fakes import open_fake, run_fake

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    import asyncpg_trio


@pytest.fixture(scope="session")
def fake_address() -> Iterator[tuple[str, int]]:
    """One fake for all tests."""
    with run_fake() as address:
        yield address


@pytest.fixture(scope="session")
def chromium() -> Iterator[Chromium]:
    """The browser. A run of CI has one; on a developer's machine the tests say what is missing."""
    program = find_chromium()
    if program is None and not os.environ.get("CI"):
        pytest.skip("chromium is missing: apt-get install chromium")
    assert program is not None, "CI tests the page in a browser, and there is no chromium"
    with Chromium(program) as running:
        yield running


@pytest.fixture
async def scene(database: str, conn: asyncpg_trio.Connection, fake_address: tuple[str, int]) -> AsyncIterator[Scene]:
    """The database, the fake and the daemons of one test."""
    async with open_fake(*fake_address) as fake:
        yield Scene(dsn=database, conn=conn, fake=fake)
