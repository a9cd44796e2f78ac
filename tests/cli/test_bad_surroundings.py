"""Full disks, closed streams, old terminals, Ctrl-C, faults of ours: one sentence or none, and never a traceback."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click
import pytest
import trio

from drena.cli import main
from drena.cli.entry import run_command
from support.daemons import environment

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

LIMIT_S = 60.0
DRENA = f"{sys.executable} -m drena"
HEARS = ("env", "--default-signal=INT")
"""What is started in the background of a shell does not hear Ctrl-C, and these tests may be."""
WITHOUT_JSON = {"run", "demo", "completion", "postgres"}
"""They list nothing."""


async def shell(line: str, env: Mapping[str, str]) -> subprocess.CompletedProcess[bytes]:
    """Run a line of sh; `$DRENA` is the program."""
    with trio.fail_after(LIMIT_S):
        return await trio.run_process(
            ["/bin/sh", "-c", line],
            env={**env, "DRENA": DRENA},
            check=False,
            capture_stdout=True,
            capture_stderr=True,
        )


@pytest.mark.parametrize("words", ["jobs", "integrations --json", "completion bash", "--help"])
async def test_output_that_cannot_be_written_is_one_sentence(env: Mapping[str, str], words: str) -> None:
    done = await shell(f"$DRENA {words} >/dev/full", env)
    assert done.stderr.decode() == "drena: The output cannot be written: no space left on device.\n"
    assert done.returncode == 1


@pytest.mark.parametrize(
    "line, code", [("$DRENA jobs >&-", 0), ("$DRENA jobz 2>&-", 2), ("$DRENA jobz 2>/dev/full", 2)]
)
async def test_streams_that_are_closed_or_full_leave_the_exit_code(
    env: Mapping[str, str], line: str, code: int
) -> None:
    done = await shell(f"{line} <&-", env)
    assert (done.returncode, done.stdout + done.stderr) == (code, b"")


async def test_a_terminal_that_knows_ascii_alone_is_spoken_to_as_well_as_can_be(env: Mapping[str, str]) -> None:
    old = {**env, "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONIOENCODING": "ascii"}
    done = await shell("$DRENA --lang pt config; $DRENA config --json", old)
    assert b"padr?o" in done.stdout
    assert done.stderr == b""
    assert json.loads(done.stdout[done.stdout.index(b"[\n") :])


@pytest.mark.skipif(sys.platform != "linux", reason="sends signals to itself")
def test_ctrl_c_while_it_is_being_loaded_says_nothing() -> None:
    child = """
import os, signal, sys
class Impatience:
    def find_spec(self, name, *_):
        if name == "drena.cli":
            os.kill(os.getpid(), signal.SIGINT)
sys.meta_path.insert(0, Impatience())
from drena.__main__ import start
start()
"""
    done = subprocess.run([*HEARS, sys.executable, "-c", child], capture_output=True, timeout=LIMIT_S, check=False)
    assert (done.returncode, done.stderr) == (-signal.SIGINT, b"")


async def test_ctrl_c_while_it_waits_says_nothing_and_the_job_stays(env: Mapping[str, str]) -> None:
    with trio.fail_after(LIMIT_S):
        process = await trio.lowlevel.open_process(
            [*HEARS, sys.executable, "-m", "drena", "request", "contmax", "acessorias", "--wait"],
            env=dict(env),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        assert process.stdout is not None
        assert process.stderr is not None
        try:
            assert b"Job " in await process.stdout.receive_some()
            process.send_signal(signal.SIGINT)
            assert await process.wait() == 130
            assert await process.stderr.receive_some() == b""
        finally:
            if process.returncode is None:
                process.kill()
            with trio.move_on_after(10, shield=True):
                await process.stdout.aclose()
                await process.stderr.aclose()
                await process.wait()


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    return tmp_path


def test_a_fault_of_ours_is_one_sentence_and_a_file(temporary: Path, capsys: pytest.CaptureFixture[str]) -> None:
    async def broken() -> None:
        await trio.lowlevel.checkpoint()
        raise KeyError("what nobody thought of")

    with pytest.raises(SystemExit) as ended:
        run_command(broken)
    said = capsys.readouterr().err
    (file,) = temporary.iterdir()
    assert said == (
        "drena: This is a fault of Drena itself, which its authors should hear of "
        f"(KeyError: 'what nobody thought of'). Its traceback is in {file}.\n"
    )
    assert ended.value.code == 1
    assert file.stat().st_mode & 0o077 == 0
    assert "in broken\n" in file.read_text()


def test_a_fault_that_cannot_be_kept_is_still_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("tempfile.tempdir", "/proc/nowhere")

    async def broken() -> None:
        await trio.lowlevel.checkpoint()
        raise ExceptionGroup("two", [ValueError("a"), TypeError("b")])

    with pytest.raises(SystemExit):
        run_command(broken)
    assert "Its traceback could not be kept." in capsys.readouterr().err


def commands(group: click.Group, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from commands(command, (*path, name))
        elif not command.hidden:
            yield (*path, name), command


@pytest.mark.parametrize(
    "path, command", list(commands(main)), ids=lambda each: " ".join(each) if isinstance(each, tuple) else ""
)
def test_every_command_takes_json_and_shows_an_example_in_one_line(
    path: tuple[str, ...], command: click.Command
) -> None:
    options = {name for param in command.params for name in param.opts}
    assert path[0] in WITHOUT_JSON or "--json" in options
    with click.Context(main, info_name="drena") as root:
        shown = command.get_help(click.Context(command, info_name=" ".join(path), parent=root))
    (example,) = [line for line in shown.splitlines() if line.startswith("  Example: ")]
    assert f"drena {' '.join(path)}" in example


def test_the_token_of_watch_is_no_unknown_setting() -> None:
    env = environment(None) | {"DRENA_TOKEN": "drena_x", "PATH": os.environ["PATH"]}
    done = subprocess.run(
        [sys.executable, "-m", "drena", "config", "--check"], env=env, capture_output=True, timeout=LIMIT_S, check=False
    )
    assert (done.returncode, done.stderr) == (0, b"")
