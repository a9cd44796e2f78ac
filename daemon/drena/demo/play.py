"""One showing of the demo: the signals around it, the order of the acts, and the exit code."""

from __future__ import annotations

import math
import os
import signal
import sys
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec
import trio

from drena.demo import acts
from drena.demo.guard import belongings
from drena.demo.picture import Recording
from drena.demo.processes import open_daemon
from drena.demo.screen import JsonScreen, Screen
from drena.demo.showing import Showing
from drena.demo.stage import check_installed, open_folder, open_stage
from drena.errors import DrenaError, Exit
from drena.texts import language_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from drena.demo.stage import Stage
    from drena.texts import Language

LIMIT_S: Final = 150.0
"""No showing takes longer, whatever hangs."""
SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
LINES_OF_LOG: Final = 12


async def play(
    language: Language | None, knobs: Mapping[str, str], picture: Path | None, stay: bool, as_json: bool
) -> Exit:
    """`drena demo`.

    Args:
        language: of the texts; by the user's locale when None.
        knobs: of the fake API, for seeing the demo fail.
        picture: an SVG file to write what was shown to.
        stay: leave everything running after the last act, with the status page open to this machine, until a signal.
        as_json: print the checks and their summary for programs, and nothing else.

    Returns:
        0 when every expectation was met, 1 when not. However it ends, nothing is left running and no folder is left
        behind. Ended by signal N, or by a reader of its output that went away, it exits with 128 + N.

    Raises:
        DrenaError: something the demo needs is not there, or broke.
    """
    began_s = trio.current_time()
    check_installed()
    recording = None if picture is None else Recording()
    screen = (JsonScreen if as_json else Screen)(language or language_of(os.environ), recording)
    ended_by: list[int] = []
    encore = trio.Event() if stay else None
    try:
        folder = await _perform_until_told(screen, knobs, ended_by, encore)
    except (DrenaError, OSError, ExceptionGroup) as error:
        if _reader_has_gone(error):  # `drena demo | head`
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            sys.exit(128 + signal.SIGPIPE)
        if not ended_by:  # what breaks while everything is being stopped is no news
            raise
    if ended_by:
        screen.say("interrupted")
        sys.exit(128 + ended_by[0])
    _close(screen, folder, trio.current_time() - began_s)
    if recording is not None and picture is not None:
        recording.save(picture)
    return Exit.JOB_FAILED if screen.expectations.failed else Exit.OK


def _reader_has_gone(error: BaseException) -> bool:
    """Whether nothing else happened than that nobody reads our output any more."""
    if isinstance(error, BaseExceptionGroup):
        return error.split(BrokenPipeError)[1] is None
    return isinstance(error, BrokenPipeError)


async def _perform_until_told(
    screen: Screen, knobs: Mapping[str, str], ended_by: list[int], encore: trio.Event | None
) -> Path:
    """All acts, ended early by a signal, which is then in `ended_by`; returns the folder, gone by then.

    Raises:
        DrenaError: it took longer than `LIMIT_S`, or something broke.
    """
    folder = Path()
    with trio.open_signal_receiver(*SIGNALS) as signals:
        async with trio.open_nursery() as nursery:
            with trio.move_on_after(LIMIT_S) as limit:
                end = Curtain(nursery.cancel_scope, limit, ended_by, encore)
                nursery.start_soon(end.obey, signals, name="signals")
                folder = await _perform(screen, knobs, end)
            nursery.cancel_scope.cancel(reason="the showing is over")
    if limit.cancelled_caught:
        raise DrenaError(f"The demo did not end within {LIMIT_S:.0f} s; everything was stopped and removed.")
    return folder


class Curtain:
    """When a showing ends: after its acts, by a signal, or, asked to stay, by a signal after its acts."""

    def __init__(
        self, everything: trio.CancelScope, limit: trio.CancelScope, ended_by: list[int], encore: trio.Event | None
    ) -> None:
        self._everything = everything
        self._limit = limit
        self._ended_by = ended_by
        self._encore = encore
        self._staying = False

    async def obey(self, signals: AsyncIterator[int]) -> None:
        """Runs until cancelled."""
        async for number in signals:
            if self._staying and self._encore is not None and not self._encore.is_set():
                self._encore.set()
            else:
                self._ended_by.append(number)
                self._everything.cancel(reason="told by a signal")

    async def stay(self, screen: Screen, stage: Stage) -> None:
        """Show where the status page is, and wait for somebody to have seen enough; without an encore, go at once."""
        if self._encore is None:
            return
        self._limit.deadline = math.inf
        self._staying = True
        screen.heading(None, "stay_title")
        screen.page(_page(stage.daemon_log))
        await self._encore.wait()


def _page(log: Path) -> str:
    lines = [msgspec.json.decode(line) for line in log.read_text().splitlines() if "http listening" in line]
    return f"http://{lines[-1]['addresses'][0]}/"


async def _perform(screen: Screen, knobs: Mapping[str, str], end: Curtain) -> Path:
    """All acts; returns the folder that is gone by then."""
    screen.heading(None, "title")
    screen.say("intro", style="dim")
    async with AsyncExitStack() as stack:
        with screen.waiting("starting"):
            folder = await stack.enter_async_context(open_folder())
            stage = await stack.enter_async_context(open_stage(folder, knobs))
        show = Showing(stage=stage, screen=screen)
        await acts.setting(show)
        await acts.settling(show)
        async with _daemon(stage):
            answer = await acts.syncing(show)
            await acts.double_click(show, answer)
            await acts.failure(show)
            await acts.quiet(show)
            await acts.changes(show)
            await acts.typed(show)
            await acts.counts(show)
            await end.stay(screen, stage)
        if screen.expectations.failed:
            _quote_log(screen, stage.daemon_log)
    return folder


@asynccontextmanager
async def _daemon(stage: Stage) -> AsyncIterator[None]:
    """The daemon beside the acts.

    Raises:
        DrenaError: it ended before they did.
    """
    async with open_daemon(stage.environment, stage.daemon_log) as process, trio.open_nursery() as nursery:
        nursery.start_soon(_watch, process, stage.daemon_log, name="watch the daemon")
        yield
        nursery.cancel_scope.cancel(reason="the acts are over")


async def _watch(process: trio.Process, log: Path) -> None:
    code = await process.wait()
    said = (await trio.Path(log).read_text(errors="replace")).splitlines()
    last = next((line.strip(" |") for line in reversed(said) if any(map(str.isalpha, line))), "it said nothing")
    raise DrenaError(f"The daemon ended with {code} in the middle of the demo: {last}")


def _quote_log(screen: Screen, log: Path) -> None:
    """The daemon's errors and failed attempts, for whoever has to find out what went wrong."""
    lines = [msgspec.json.decode(line) for line in log.read_text().splitlines() if line.startswith("{")]
    serious = [line for line in lines if line.get("level") == "error" or "reason" in line][-LINES_OF_LOG:]
    if serious:
        screen.say("daemon_said", style="dim")
        for line in serious:
            screen.quote(" ".join(f"{name}={value}" for name, value in line.items() if name != "level"))


def _close(screen: Screen, folder: Path, seconds: float) -> None:
    screen.heading(None, "end_title")
    left = [str(folder)] if folder.exists() else []
    screen.expect("expect_gone", [], left + [f"process {pid}" for pid in belongings(folder)])
    screen.sum_up(seconds)
