"""One process of a fake for many tests: each test opens offices of its own and turns only their knobs."""

from __future__ import annotations

import json
import subprocess
import sys
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING

import httpx2

from fake_acessorias.launch import Fake

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

ANSWER_S = 30.0


@contextmanager
def run_fake(module: str = "fake_acessorias") -> Iterator[tuple[str, int]]:
    """Start a fake without offices; yields its URL and process id. It ends with this process at the latest."""
    words = [sys.executable, "-m", module, "--exit-with-parent"]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        hello = json.loads(process.stdout.readline())
        try:
            yield hello["url"], hello["pid"]
        finally:
            process.terminate()


@asynccontextmanager
async def open_fake(url: str, pid: int) -> AsyncIterator[Fake]:
    """A client of the fake's admin routes."""
    async with httpx2.AsyncClient(timeout=ANSWER_S, trust_env=False) as client:
        yield Fake(url, pid, client)
