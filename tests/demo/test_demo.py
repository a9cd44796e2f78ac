"""`drena demo` as people run it: a process, without a terminal, to its end or to a signal."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys

import httpx2
import pytest
import trio

from demo.showings import NOBODY, open_demo

WHOLE_S = 120
"""Far more than the 60 s it promises: other things run beside the tests."""


def nobody_can_run_python() -> bool:
    """Whether an unprivileged account reaches this interpreter and checkout, and we may become it."""
    if os.geteuid() != 0:
        return False
    words = [sys.executable, "-P", "-c", "import drena.cli"]
    try:
        tried = subprocess.run(words, user=NOBODY, group=NOBODY, extra_groups=[], cwd="/", check=False)
    except PermissionError:  # the checkout, or the interpreter, lies in a folder closed to others
        return False
    return tried.returncode == 0


async def test_the_demo_keeps_its_promises_also_as_an_unprivileged_user_and_notices_a_source_that_does_not_page():
    """Three at once, since each mostly waits for its own pace; that they do not disturb each other is part of it."""
    accounts = [False, True] if nobody_can_run_python() else [False]
    with trio.fail_after(WHOLE_S):
        async with trio.open_nursery() as nursery:
            for as_nobody in accounts:
                nursery.start_soon(_shown_in_full, as_nobody)
            nursery.start_soon(_shown_with_a_broken_source)


async def _shown_in_full(as_nobody: bool) -> None:
    async with open_demo(as_nobody=as_nobody) as demo:
        assert await demo.finish() == 0, demo.said
        assert demo.left() == []
    assert "✗" not in demo.said
    assert "“Execução em andamento”" in demo.said
    assert re.search(r"registrations at the source +300 +500\n", demo.said)
    assert re.search(r"Acessórias jobs still active +0 +0\n", demo.said)
    passed = re.search(r"(\d+) of (\d+) checks passed", demo.said)
    assert passed
    assert int(passed[1]) == demo.said.count("✓") >= 30
    assert not re.search(r"\x1b| \n", demo.said), "a log of CI wants neither escapes nor trailing blanks"


async def _shown_with_a_broken_source() -> None:
    """What the old system met, page 1 for ever, must make the demo fail, and say what it expected."""
    async with open_demo("--knob", "ignore_pagina=true") as demo:
        assert await demo.finish() == 1, demo.said
        assert demo.left() == []
    assert "✗ contmax: ended in success" in demo.said
    assert "pagination_repeated" in demo.said
    assert re.search(r"\d+ of \d+ checks failed", demo.said)


async def test_a_demo_ended_in_the_middle_leaves_no_process_and_no_folder_not_even_when_it_is_killed():
    with trio.fail_after(WHOLE_S):
        async with trio.open_nursery() as nursery:
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
                nursery.start_soon(_shown_until_a_signal, number)
            nursery.start_soon(_shown_until_killed)


async def _shown_until_a_signal(number: signal.Signals) -> None:
    async with open_demo() as demo:
        await demo.read_until("running\n")  # both processes, the database and two jobs are at work
        demo.process.send_signal(number)
        assert await demo.finish() == 128 + number
        assert demo.said.endswith("Interrupted: everything was stopped and removed.\n")
        assert demo.left() == []


async def _shown_until_killed() -> None:
    """The guard ends what the demo started."""
    async with open_demo() as demo:
        await demo.read_until("running\n")
        demo.process.kill()
        assert await demo.finish() == -signal.SIGKILL
        while demo.left():  # noqa: ASYNC110  # other processes' ends are no events of ours
            await trio.sleep(0.05)


@pytest.mark.parametrize("words", ["on this machine alone", "are up"])
async def test_a_demo_that_is_told_to_stop_at_its_very_start_leaves_nothing(words):
    """First while the database is being made, then before anything was settled."""
    with trio.fail_after(WHOLE_S):
        async with open_demo() as demo:
            await demo.read_until(words)
            demo.process.terminate()
            assert await demo.finish() == 128 + signal.SIGTERM
            assert demo.left() == []


async def test_a_reader_that_goes_away_ends_the_demo_quietly():
    with trio.fail_after(WHOLE_S):
        async with open_demo() as demo:
            await demo.read_until("on this machine alone")
            await demo.process.stdout.aclose()
            assert await demo.process.wait() == 128 + signal.SIGPIPE
            assert demo.left() == []


async def test_asked_to_stay_it_leaves_the_status_page_up_until_a_signal_and_then_ends_well():
    with trio.fail_after(WHOLE_S):
        async with open_demo("--stay") as demo:
            await demo.read_until("Everything stays up")
            await demo.read_until("Ctrl-C ends it.")
            url = re.search(r"http://127\.0\.0\.1:\d+/", demo.said.partition("Everything stays up")[2])[0]
            async with httpx2.AsyncClient(base_url=url) as browser:
                assert "<html" in (await browser.get("/")).text
                answer = await browser.get("/v1/me")
                assert answer.status_code == 200, answer.text
                offices = answer.json()["tenants"]
            assert [office["slug"] for office in offices] == ["contmax", "horizonte"]
            demo.process.send_signal(signal.SIGINT)
            assert await demo.finish() == 0, demo.said
            assert demo.left() == []
