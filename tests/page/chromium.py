"""A real browser for tests that run on Trio.

Playwright's synchronous interface brings an event loop of its own, which must not run in Trio's thread. So one thread
owns the browser for the whole run, and a test hands it functions that take a page and do what a person would do.
"""

from __future__ import annotations

import queue
import shutil
import threading
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self, TypeVar

import trio
from playwright.sync_api import BrowserContext, ConsoleMessage, Page, expect, sync_playwright

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

T = TypeVar("T")

EXPECT_MS = 15_000
ACT_MS = 10_000
CLOSE_S = 20.0
FLAGS = ["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"]
"""Root and containers have no sandbox; the pages are our own."""


def find_chromium() -> str | None:
    """Debian's Chromium."""
    return shutil.which("chromium") or shutil.which("chromium-browser")


@dataclass
class Outcome:
    """Of a call."""

    value: Any = None
    error: Exception | None = None

    def unwrap(self) -> Any:
        """What it returned; or it raises."""
        if self.error is not None:
            raise self.error
        return self.value


class Chromium:
    """The thread that owns the browser."""

    def __init__(self, program: str) -> None:
        self._program = program
        self._calls: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._work, name="chromium", daemon=True)
        self._browser: Any = None

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._calls.put(None)
        self._thread.join(30)

    def _work(self) -> None:
        with sync_playwright() as playwright:
            self._browser = playwright.chromium.launch(executable_path=self._program, args=FLAGS)
            expect.set_options(timeout=EXPECT_MS)
            while (call := self._calls.get()) is not None:
                call()
            self._browser.close()

    async def call(self, function: Callable[[Any], T]) -> T:
        """Run a function of the browser in its thread; what it returns or raises comes back."""
        done, token = trio.Event(), trio.lowlevel.current_trio_token()
        outcome = self._put(function, lambda: token.run_sync_soon(done.set))
        with trio.CancelScope(shield=True):  # a call cannot be taken back, and every one ends by its own timeout
            await done.wait()
        return outcome.unwrap()

    def call_sync(self, function: Callable[[Any], T]) -> T:
        """The same for tests without Trio."""
        done = threading.Event()
        result = self._put(function, done.set)
        assert done.wait(CLOSE_S)
        return result.unwrap()

    def _put(self, function: Callable[[Any], T], tell: Callable[[], None]) -> Outcome:
        result = Outcome()

        def call() -> None:
            try:
                result.value = function(self._browser)
            except Exception as error:  # noqa: BLE001  # it belongs to the test, not to this thread
                result.error = error
            tell()

        self._calls.put(call)
        return result

    @asynccontextmanager
    async def visit(self, url: str, **options: Any) -> AsyncIterator[Visit]:
        """A person with a browser of their own, on the page at `url`.

        Args:
            url: where to go; empty stays away until the test goes there.
            options: of Playwright's context; German would get Portuguese, so the default is pt-BR.
        """
        settings = {"locale": "pt-BR", "timezone_id": "America/Sao_Paulo", "viewport": {"width": 1280, "height": 900}}
        visit = Visit(self)
        await self.call(lambda browser: visit.open(browser, url, settings | options))
        try:
            yield visit
        finally:
            with trio.move_on_after(CLOSE_S, shield=True):
                await self.call(lambda _: visit.context.close())


@dataclass
class Visit:
    """A page, and everything it said to the console."""

    chromium: Chromium
    said: list[str] = field(default_factory=list)
    context: BrowserContext = None  # type: ignore[assignment]
    page: Page = None  # type: ignore[assignment]

    def open(self, browser: Any, url: str, options: dict[str, Any]) -> None:
        self.context = browser.new_context(**options)
        self.context.set_default_timeout(ACT_MS)
        self.page = self.context.new_page()
        self.page.on("console", self._heard)
        self.page.on("pageerror", lambda error: self.said.append(f"uncaught {error}"))
        if url:
            self.page.goto(url)

    def _heard(self, message: ConsoleMessage) -> None:
        self.said.append(f"{message.type}: {message.text}")

    async def does(self, function: Callable[[Page], T]) -> T:
        """What the person does, in the browser's thread."""
        return await self.chromium.call(lambda _: function(self.page))

    def said_by_the_page(self) -> list[str]:
        """Without what Chromium itself writes of a server that is away: no page can keep it from that."""
        network = ("net::ERR_CONNECTION_REFUSED", "net::ERR_CONNECTION_RESET", "net::ERR_INTERNET_DISCONNECTED")
        return [line for line in self.said if not any(code in line for code in network)]
