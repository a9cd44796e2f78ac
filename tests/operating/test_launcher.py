"""dist/drena's own few lines: they unpack once, become the program, and say what to do where that is impossible."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from repository.tree import ROOT

PROGRAM = """#!/bin/sh
echo "$$ $0 $*"
"""
LIMIT_S = 60
HEARS = ("/usr/bin/env", "--default-signal=INT")
"""What is started in the background of a shell does not hear Ctrl-C, and these tests may be."""


@pytest.fixture
def one_file(tmp_path: Path) -> Path:
    """A bundle of one small program, made one file as the real one is."""
    return wrapped(tmp_path, "drena", PROGRAM.encode())


def wrapped(folder: Path, name: str, program: bytes, built_s: int = 1_700_000_000) -> Path:
    """One file of the bundle of a program, built then."""
    bundle = folder / f"bundle of {name}"
    bundle.mkdir()
    (bundle / "drena").write_bytes(program)
    (bundle / "drena").chmod(0o755)
    subprocess.run([ROOT / ".ci" / "binary" / "wrap", bundle, folder / name], check=True)
    os.utime(folder / name, (built_s, built_s))
    return folder / name


def start(program: Path, *words: str, **environ: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [*HEARS, program, *words],
        env=environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=program.parent,
    )


def test_it_becomes_the_program_as_the_same_process_with_the_same_words(one_file: Path, tmp_path: Path) -> None:
    running = start(one_file, "jobs", "--status", "a b", CACHE_DIRECTORY=str(tmp_path / "cache"))
    out, err = running.communicate(timeout=LIMIT_S)
    assert err == ""
    pid, place, words = out.rstrip("\n").split(" ", 2)
    assert int(pid) == running.pid
    assert place.startswith(str(tmp_path / "cache" / "drena-bundle"))
    assert words == "jobs --status a b"


def test_many_first_starts_at_once_unpack_one_bundle(one_file: Path, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    together = [start(one_file, CACHE_DIRECTORY=str(cache)) for _ in range(12)]
    ends = [(running.communicate(timeout=LIMIT_S), running.returncode) for running in together]
    assert {code for _, code in ends} == {0}
    assert {err for (_, err), _ in ends} == {""}
    assert len(list((cache / "drena-bundle").iterdir())) == 1


def test_a_start_that_was_killed_while_unpacking_harms_no_later_one(one_file: Path, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    killed = start(one_file, CACHE_DIRECTORY=str(cache))
    killed.send_signal(signal.SIGKILL)
    killed.communicate(timeout=LIMIT_S)
    (cache / "drena-bundle" / "part.killed").mkdir(parents=True, exist_ok=True)
    later = start(one_file, CACHE_DIRECTORY=str(cache))
    assert (later.communicate(timeout=LIMIT_S)[1], later.returncode) == ("", 0)


def test_a_newer_build_clears_away_the_older_ones_that_nothing_runs_from(tmp_path: Path) -> None:
    cat = Path("/bin/cat").read_bytes()
    builds = [wrapped(tmp_path, f"build{n}", cat + bytes(n), 1_700_000_000 + n) for n in range(4)]
    cache = tmp_path / "cache"
    bundles = cache / "drena-bundle"

    def use(build: Path) -> subprocess.Popen[str]:
        """Start it; it has become the program when it has said its word."""
        running = subprocess.Popen(
            [build, "-u", "-"],
            env={"CACHE_DIRECTORY": str(cache)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert running.stdin is not None
        assert running.stdout is not None
        running.stdin.write("here\n")
        running.stdin.flush()
        assert running.stdout.readline() == "here\n"
        return running

    used = [use(builds[1])]
    (in_use,) = bundles.iterdir()
    use(builds[3]).communicate(timeout=LIMIT_S)
    (newest,) = set(bundles.iterdir()) - {in_use}
    used.append(use(builds[0]))  # somebody went back: what is newer is nothing to clear away
    assert {in_use, newest} < set(bundles.iterdir())
    for running in used:
        running.communicate(timeout=LIMIT_S)
    use(builds[2]).communicate(timeout=LIMIT_S)
    assert newest in bundles.iterdir()
    assert in_use not in bundles.iterdir()
    assert len(list(bundles.iterdir())) == 2


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_start_that_is_told_to_stop_while_unpacking_leaves_nothing(
    one_file: Path, tmp_path: Path, number: signal.Signals
) -> None:
    slow = tmp_path / "slow"
    slow.mkdir()
    told = f'echo $$ >"{slow}/started.new"; mv "{slow}/started.new" "{slow}/started"'
    (slow / "tar").write_text(f"#!/bin/sh\n{told}\nexec sleep 60\n")
    (slow / "tar").chmod(0o755)
    cache = tmp_path / "cache"
    stopped = start(one_file, CACHE_DIRECTORY=str(cache), PATH=f"{slow}:{os.environ['PATH']}")
    until = time.monotonic() + LIMIT_S
    while not (slow / "started").exists():
        assert time.monotonic() < until
        time.sleep(0.01)
    stopped.send_signal(number)
    assert stopped.communicate(timeout=LIMIT_S) == ("", "")
    assert stopped.returncode == 128 + number
    assert list((cache / "drena-bundle").iterdir()) == []
    with pytest.raises(ProcessLookupError):
        os.kill(int((slow / "started").read_text()), 0)


def test_a_place_that_cannot_be_used_is_passed_over(one_file: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    running = start(one_file, CACHE_DIRECTORY=str(tmp_path / "file"), STATE_DIRECTORY=str(tmp_path / "state"))
    out, _ = running.communicate(timeout=LIMIT_S)
    assert str(tmp_path / "state") in out


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder to somebody else")
def test_a_folder_that_somebody_else_put_there_is_not_trusted(one_file: Path, tmp_path: Path) -> None:
    trap = tmp_path / "cache" / "drena-bundle"
    trap.mkdir(parents=True)
    os.chown(trap, 65534, 65534)
    running = start(one_file, CACHE_DIRECTORY=str(tmp_path / "cache"), STATE_DIRECTORY=str(tmp_path / "state"))
    out, _ = running.communicate(timeout=LIMIT_S)
    assert str(tmp_path / "state") in out


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_without_any_place_it_says_what_would_help(one_file: Path) -> None:
    running = start(one_file, TMPDIR="/proc/nowhere", HOME="/proc/nowhere")
    _, err = running.communicate(timeout=LIMIT_S)
    assert (running.returncode, err.count("\n")) == (3, 1)
    assert "TMPDIR" in err
