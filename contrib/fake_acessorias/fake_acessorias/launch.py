"""Start the fake as a process of its own, and talk to its admin routes: for tests and the demo.

    async with launch_fake(offices={"demo-token": 300}, seed=7, knobs={"fail_next": 3}) as fake:
        ...  # fake.url is the API's base URL
        await fake.set_knobs("demo-token", requests_per_minute=45)

The process is the running interpreter's; it ends with the ``async with`` block, and with this process if that is
killed. Needs the extra ``client`` (httpx2).
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from contextlib import asynccontextmanager
from typing import IO, TYPE_CHECKING, Any, Final
from urllib.parse import quote

import httpx2
import msgspec
import trio

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping, Sequence

    from fake_acessorias.world import Record

START_S: Final = 30.0
STOP_S: Final = 3.0
"""For the process to end when asked; then it is killed."""
KILL_S: Final = 10.0
"""For the kernel to say that it is gone."""
ANSWER_S: Final = 30.0


class FakeError(RuntimeError):
    """The fake did not start, or refused an admin request; the text is its own sentence."""


class Remote:
    """A running fake's admin routes; what every fake has. Refusals are raised as ``FakeError``."""

    def __init__(self, url: str, pid: int, client: httpx2.AsyncClient) -> None:
        self.url = url
        """Base URL of the API, without a trailing slash."""
        self.pid = pid
        self._client = client

    async def _ask(self, method: str, path: str, body: Any = None) -> Any:
        content = None if body is None else msgspec.json.encode(body)
        answer = await self._client.request(method, f"{self.url}/_admin/{path}", content=content)
        if answer.status_code >= 500:
            raise FakeError(f"{answer.status_code} from {method} /_admin/{path}: see the fake's stderr")
        found = msgspec.json.decode(answer.content)
        if answer.status_code >= 400:
            raise FakeError(found["error"])
        return found


class Fake(Remote):
    """A running fake. Every method is one admin request and raises ``FakeError`` when it is refused."""

    async def knobs(self, token: str | None = None) -> dict[str, Any]:
        """Return the global knobs, or those that hold for an office. Countdowns show what is left."""
        return dict(await self._ask("GET", _knobs_path(token)))

    async def set_knobs(self, token: str | None = None, /, **knobs: Any) -> dict[str, Any]:
        """Set some knobs, globally or for one office; the others stay. Returns what holds now."""
        return dict(await self._ask("PATCH", _knobs_path(token), knobs))

    async def replace_knobs(self, token: str | None = None, /, **knobs: Any) -> dict[str, Any]:
        """Set these knobs and take all others back: to the defaults, or for an office to the global ones."""
        return dict(await self._ask("PUT", _knobs_path(token), knobs))

    async def offices(self) -> dict[str, int]:
        """Return each token and how many companies the source holds for it."""
        return dict((await self._ask("GET", "offices"))["offices"])

    async def add_office(self, token: str, companies: int, **knobs: Any) -> None:
        """Add an office, or replace one."""
        await self._ask("POST", "offices", {"token": token, "companies": companies, "knobs": knobs})

    async def close_office(self, token: str) -> None:
        """Withdraw an office: its token is wrong from now on."""
        await self._ask("DELETE", f"offices/{quote(token, safe='')}")

    async def companies(self, token: str) -> list[Record]:
        """Return the truth: every company the source holds, with every key."""
        return list(await self._ask("GET", _companies_path(token)))

    async def company(self, token: str, identifier: str) -> Record:
        """Return one company by its ``ID``, with every key."""
        return dict(await self._ask("GET", f"{_companies_path(token)}/{identifier}"))

    async def change_company(self, token: str, identifier: str, values: Mapping[str, Any]) -> Record:
        """Change some values of the company with this ``ID``; ``DtLastDH`` becomes now. Returns the company."""
        return dict(await self._ask("PATCH", f"{_companies_path(token)}/{identifier}", dict(values)))

    async def remove_company(self, token: str, identifier: str) -> None:
        """Take the company with this ``ID`` away from the source."""
        await self._ask("DELETE", f"{_companies_path(token)}/{identifier}")

    async def add_companies(self, token: str, count: int = 1) -> list[str]:
        """Let an office grow by its world's next companies; return their IDs."""
        return list((await self._ask("POST", _companies_path(token), {"count": count}))["ids"])

    async def add_company(self, token: str, company: Mapping[str, Any]) -> str:
        """Add one company of your own at the end of the list; return its ID."""
        return str((await self._ask("POST", _companies_path(token), {"company": dict(company)}))["ids"][0])

    async def touch(
        self, token: str, count: int = 1, *, share: float | None = None, keys: Sequence[str] = ("Telefone",)
    ) -> list[str]:
        """Change these keys of ``count`` (or a share of all) companies to other values; return their IDs.

        Companies that share their document with another are left alone, so exactly ``count`` documents change.
        """
        wish = {"companies": count, "share": share, "keys": list(keys)}
        return list((await self._ask("POST", f"offices/{quote(token, safe='')}/touch", wish))["ids"])

    async def deliveries(self, token: str, identifier: str) -> list[Record]:
        """Return every delivery of the company with this ``ID``."""
        return list(await self._ask("GET", f"{_companies_path(token)}/{identifier}/deliveries"))

    async def deliver(self, token: str, count: int = 1) -> list[str]:
        """Mark ``count`` open deliveries delivered now; return their EntIDs."""
        return list((await self._ask("POST", f"offices/{quote(token, safe='')}/deliver", {"deliveries": count}))["ids"])

    async def requests(self, token: str | None = None) -> list[dict[str, Any]]:
        """Return the recorded requests, oldest first, of all offices or one."""
        return list(await self._ask("GET", "requests" if token is None else f"requests?office={quote(token, safe='')}"))

    async def stats(self) -> dict[str, Any]:
        """Return the counts since the start or the last reset."""
        return dict(await self._ask("GET", "stats"))

    async def reset(self, *parts: str) -> None:
        """Go back to the start: all, or of ``knobs``, ``offices``, ``requests`` those named."""
        await self._ask("POST", "reset", {"parts": parts} if parts else {})


def _knobs_path(token: str | None) -> str:
    return "knobs" if token is None else f"offices/{quote(token, safe='')}/knobs"


def _companies_path(token: str) -> str:
    return f"offices/{quote(token, safe='')}/companies"


@asynccontextmanager
async def launch_fake(
    offices: Mapping[str, int],
    *,
    seed: int = 7,
    knobs: Mapping[str, Any] | None = None,
    office_knobs: Mapping[str, Mapping[str, Any]] | None = None,
    port: int = 0,
    options: Sequence[str] = (),
) -> AsyncIterator[Fake]:
    """Start a fake, wait until it listens, and end it with the block.

    Args:
        offices: token of each office and how many companies it has.
        seed: the same seed makes the same world.
        knobs: global knobs at the start.
        office_knobs: for some offices, knobs of their own at the start.
        port: 0 takes a free one.
        options: more command-line options, as they are.

    Raises:
        FakeError: it did not start; the text is its own sentence.
    """
    given = dict(knobs or {}) | {"offices": {token: dict(own) for token, own in (office_knobs or {}).items()}}
    with tempfile.TemporaryDirectory(prefix="fake-acessorias-") as folder:
        file = trio.Path(folder) / "knobs.json"
        await file.write_bytes(msgspec.json.encode(given))
        words = ["--port", str(port), "--seed", str(seed), "--knobs", str(file)]
        words += [*(f"--office={token}={size}" for token, size in offices.items()), *options]
        async with launch_process("fake_acessorias", words) as (url, pid, client):
            yield Fake(url, pid, client)


@asynccontextmanager
async def launch_process(module: str, words: Sequence[str]) -> AsyncIterator[tuple[str, int, httpx2.AsyncClient]]:
    """Start a fake by its module, wait until it listens, and end it with the block.

    Args:
        module: run as ``python -m``; it prints the one line that `process.run` prints.
        words: its options.

    Yields:
        Its URL, its process id, and a client for its admin routes.

    Raises:
        FakeError: it did not start; the text is its own sentence.
    """
    with tempfile.TemporaryFile() as complaints:
        process = await trio.lowlevel.open_process(
            [sys.executable, "-m", module, "--exit-with-parent", *words],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=complaints,
        )
        try:
            hello = await _hello(process, complaints)
            async with httpx2.AsyncClient(timeout=ANSWER_S, trust_env=False) as client:
                yield hello["url"], hello["pid"], client
        finally:
            with trio.move_on_after(STOP_S + KILL_S, shield=True):
                await _stop(process)


async def _hello(process: trio.Process, complaints: IO[bytes]) -> dict[str, Any]:
    """Return the line the fake prints when it listens."""
    line = b""
    with trio.move_on_after(START_S):
        line = await _line(process)
    if line.endswith(b"\n"):
        return dict(msgspec.json.decode(line))
    complaints.seek(0)
    said = complaints.read().decode("utf-8", "replace").strip()
    raise FakeError(said or f"the fake did not listen within {START_S:g} s")


async def _line(process: trio.Process) -> bytes:
    """Return the first line of the process, or what there is of it when it ends."""
    assert process.stdout is not None
    line = bytearray()
    async for chunk in process.stdout:
        line += chunk
        if line.endswith(b"\n"):
            break
    return bytes(line)


async def _stop(process: trio.Process) -> None:
    """End the process: kindly, then by force."""
    if process.returncode is None:
        process.terminate()
    with trio.move_on_after(STOP_S):
        await process.wait()
    if process.returncode is None:
        process.kill()
    await process.wait()
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            await pipe.aclose()


class SmallRemote(Remote):
    """A running fake made with `small.SmallFake`."""

    async def set_knobs(self, **knobs: Any) -> dict[str, Any]:
        """Set some knobs; the others stay. Returns what holds now."""
        return dict(await self._ask("PATCH", "knobs", knobs))

    async def knobs(self) -> dict[str, Any]:
        """Return the knobs. Countdowns show what is left."""
        return dict(await self._ask("GET", "knobs"))

    async def lay(self, key: str, content: Any) -> None:
        """Lay down what an account holds; a new key opens one."""
        await self._ask("PUT", f"accounts/{quote(key, safe='')}", content)

    async def held(self, key: str) -> Any:
        """Return what an account holds: the truth."""
        return await self._ask("GET", f"accounts/{quote(key, safe='')}")

    async def change(self, key: str, wish: Any) -> Any:
        """Change something of what an account holds, as somebody at the source would."""
        return await self._ask("PATCH", f"accounts/{quote(key, safe='')}", wish)

    async def requests(self) -> list[dict[str, Any]]:
        """Return the recorded requests, oldest first."""
        return list(await self._ask("GET", "requests"))

    async def reset(self) -> None:
        """Knobs and record as at the start."""
        await self._ask("POST", "reset")


@asynccontextmanager
async def launch_small(module: str, **knobs: Any) -> AsyncIterator[SmallRemote]:
    """Start a small fake by its module, as a process that ends with the block."""
    words = [f"--knob={name}={msgspec.json.encode(value).decode()}" for name, value in knobs.items()]
    async with launch_process(module, words) as (url, pid, client):
        yield SmallRemote(url, pid, client)
