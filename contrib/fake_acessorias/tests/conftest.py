"""What the tests share: a desk that asks the pure decisions, and a fake on a real socket in the test's own process."""

from __future__ import annotations

import datetime as dt
import functools
import inspect
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import msgspec
import pytest
import trio

from fake_acessorias.admin import administered
from fake_acessorias.gate import answer
from fake_acessorias.messages import BRASILIA, Answer, Request
from fake_acessorias.server import Terms, serve
from fake_acessorias.service import Acessorias
from fake_acessorias.source import Plan, Source

SEED = 7
HERE = Path(__file__).parent
DEADLINE_S = 15
TOKEN = "tok"
MOMENT = dt.datetime(2026, 11, 20, 10, 30, tzinfo=BRASILIA)


def pytest_collection_modifyitems(items):
    """Put every asynchronous test of this folder under a deadline."""
    for item in items:
        if HERE in item.path.parents and inspect.iscoroutinefunction(getattr(item, "obj", None)):
            item.obj = _within_deadline(item.obj)


def _within_deadline(test):
    @functools.wraps(test)
    async def timed(**arguments):
        with trio.fail_after(DEADLINE_S):
            await test(**arguments)

    return timed


class Desk:
    """A source, asked without sockets and without a clock."""

    def __init__(self, source: Source) -> None:
        self.source = source

    def ask(self, method: str, target: str, *, token: str = TOKEN, at_s: float = 0.0, **more: Any) -> Answer:
        request = Request(
            method=method, target=target, authorization=f"Bearer {token}", at_s=at_s, **{"moment": MOMENT, **more}
        )
        return (administered if target.startswith("/_admin") else answer)(self.source, request)

    def get(self, target: str, **more: Any) -> Answer:
        return self.ask("GET", target, **more)

    def rows(self, target: str, **more: Any) -> Any:
        found = self.get(target, **more)
        assert found.status == 200, found
        return msgspec.json.decode(found.body)

    def page(self, number: int, **more: Any) -> list[str]:
        """Return the IDs on a page of companies."""
        return [row["ID"] for row in self.rows(f"/companies/ListAll?Pagina={number}", **more)]

    def admin(self, method: str, path: str, body: Any = None, **more: Any) -> tuple[int, Any]:
        content = b"" if body is None else msgspec.json.encode(body)
        found = self.ask(method, f"/_admin/{path}".rstrip("/"), body=content, **more)
        return found.status, msgspec.json.decode(found.body)

    def set(self, office: str | None = None, **knobs: Any) -> None:
        self.source.board.patch(office, knobs)

    @property
    def truth(self) -> list[dict[str, Any]]:
        return [company.record for company in self.source.offices[TOKEN].companies]


@pytest.fixture
def make_desk():
    """Return a function that makes a desk from the fields of a plan."""

    def made(size: int = 65, **plan: Any) -> Desk:
        print(f"seed {plan.get('seed', SEED)}")
        return Desk(Source(Plan(**{"seed": SEED, "offices": {TOKEN: size}, **plan})))

    return made


@pytest.fixture
def desk(make_desk):
    """An office of 65 companies: four pages, the last of five."""
    return make_desk()


@dataclass
class Served:
    """A fake on a real socket."""

    source: Source
    port: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def set(self, office: str | None = None, **knobs: Any) -> None:
        self.source.board.patch(office, knobs)

    @asynccontextmanager
    async def client(self, token: str = TOKEN):
        headers = {"Authorization": f"Bearer {token}"}
        async with httpx2.AsyncClient(base_url=self.url, headers=headers, trust_env=False, timeout=10) as client:
            yield client

    async def connect(self) -> trio.SocketStream:
        return await trio.open_tcp_stream("127.0.0.1", self.port)


@pytest.fixture
async def open_fake(nursery):
    """Return a function that opens a fake; it lives in the test's nursery and ends with it."""

    async def opened(size: int = 65, terms: Terms | None = None, **plan: Any) -> Served:
        print(f"seed {plan.get('seed', SEED)}")
        source = Source(Plan(**{"seed": SEED, "offices": {TOKEN: size}, **plan}))
        listeners = await trio.open_tcp_listeners(0, host="127.0.0.1")
        nursery.start_soon(serve, Acessorias(source), listeners, terms or Terms())
        return Served(source, listeners[0].socket.getsockname()[1])

    return opened


@pytest.fixture
async def fake(open_fake):
    """A fake with one office of 65 companies."""
    return await open_fake()
