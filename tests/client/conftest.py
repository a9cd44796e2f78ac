"""What the clients' tests share: node, and what npm installs for them.

Without node or npm the tests are skipped, with one line that says so. CI has both, so there they must run.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from client.workshop import NPM, Workshop
from page.chromium import Chromium
from page.scene import Scene
from support.fakes import open_fake, run_fake

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

    import asyncpg_trio

INSTALL_LIMIT_S = 300


def need(program: str, package: str) -> str:
    """The path of a program; the test is skipped without it, except in CI."""
    found = shutil.which(program)
    if found is None and os.environ.get("CI"):
        pytest.fail(f"{program} is missing, and CI has to run this test: apt-get install {package}")
    if found is None:
        pytest.skip(f"{program} is missing: apt-get install {package}")
    return found


@pytest.fixture(scope="session")
def node() -> str:
    """The node of this machine."""
    return need("node", "nodejs")


@pytest.fixture(scope="session")
def chromium() -> Iterator[Chromium]:
    """One browser for all tests."""
    with Chromium(need("chromium", "chromium")) as running:
        yield running


@pytest.fixture(scope="session")
def fake_address() -> Iterator[tuple[str, int]]:
    """One fake Acessórias for all tests."""
    with run_fake() as address:
        yield address


@pytest.fixture
async def scene(database: str, conn: asyncpg_trio.Connection, fake_address: tuple[str, int]) -> AsyncIterator[Scene]:
    """The database, the fake and the daemons of one test."""
    async with open_fake(*fake_address) as fake:
        yield Scene(dsn=database, conn=conn, fake=fake)


@pytest.fixture(scope="session")
def installed(node: str, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Install what a folder of tests/client/npm locks, once a run; gives its node_modules."""
    npm = need("npm", "npm")
    done: dict[str, Path] = {}

    def install(name: str) -> Path:
        if name not in done:
            folder = tmp_path_factory.mktemp(f"npm-{name}")
            for file in ("package.json", "package-lock.json", ".npmrc"):
                shutil.copy(NPM / name / file, folder)
            command = [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
            subprocess.run(command, cwd=folder, check=True, timeout=INSTALL_LIMIT_S)
            done[name] = folder / "node_modules"
        return done[name]

    return install


@pytest.fixture(scope="session")
def workshop(node: str, installed: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory) -> Workshop:
    """Both packages as npm packs them, and the tools to build with them."""
    return Workshop(node, installed, tmp_path_factory)
