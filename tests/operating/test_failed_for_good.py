"""What systemd itself makes of our units when Drena cannot start: a user manager runs them, and the real daemon."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import trio

from repository.tree import ROOT
from support.daemons import environment

if TYPE_CHECKING:
    from collections.abc import Iterator

LIMIT_S = 60.0
DOORS = ("drena-http.socket", "drena-feed.socket")
SYSTEMD = Path("/usr/lib/systemd/systemd")
IN_ITS_OWN_RUN = "mount -t tmpfs tmpfs /run && mkdir -p /run/systemd/system && "
"""A user manager starts only where it sees that the machine was booted with systemd."""
OF_THE_SERVICE = ("Type=", "NotifyAccess=", "Restart", "KillMode=", "KillSignal=", "Timeout")
"""What is kept of [Service]: all that decides when it starts and ends. The sandbox needs the system's own manager."""
LIVE = b"GET /livez HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"


def may_run_a_manager() -> bool:
    tried = ["unshare", "--mount", "sh", "-c", IN_ITS_OWN_RUN + "true"]
    return SYSTEMD.exists() and subprocess.run(tried, capture_output=True, check=False).returncode == 0


pytestmark = pytest.mark.skipif(not may_run_a_manager(), reason="this takes systemd, and root in a mount namespace")


class UserManager:
    """systemd as a user's manager, with our units enabled; the doors are Unix sockets."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.settings = folder / "drena.env"
        self.journal = folder / "journal"
        self.environ = {**os.environ, "XDG_RUNTIME_DIR": f"{folder}/run", "SYSTEMD_UNIT_PATH": f"{folder}/units"}

    def systemctl(self, *words: str) -> str:
        done = subprocess.run(
            ["systemctl", "--user", *words],
            env=self.environ,
            capture_output=True,
            text=True,
            check=False,
            timeout=LIMIT_S,
        )
        return done.stdout.strip()

    def states(self, *units: str) -> list[str]:
        return self.systemctl("show", "--value", "--property=ActiveState", *units).split()

    def door(self, unit: str) -> str:
        return f"{self.folder}/{unit}"

    def place_units(self) -> None:
        units = self.folder / "units"
        for source in (ROOT / "systemd").iterdir():
            if source.suffix in {".service", ".socket", ".target"}:
                (units / source.name).write_text("\n".join(self._lines(source)))
        for target in ("default.target", "basic.target", "shutdown.target"):  # systemd's own, which our units stand on
            (units / target).write_text("[Unit]\nDescription=nothing\n")
        for unit in DOORS:
            wanting = (units / unit).read_text().partition("WantedBy=")[2].split()
            for other in wanting:  # as `systemctl enable` does
                (units / f"{other}.wants").mkdir(exist_ok=True)
                (units / f"{other}.wants" / unit).symlink_to(units / unit)

    def _lines(self, source: Path) -> Iterator[str]:
        section = ""
        for line in source.read_text().splitlines():
            section = line if line.startswith("[") else section
            if line.startswith("ListenStream="):
                yield f"ListenStream={self.door(source.name)}"
            elif section != "[Service]" or line.startswith(("[", *OF_THE_SERVICE)):
                yield line
            elif line.startswith("ExecStart="):
                yield f"ExecStart={sys.executable} -m drena run"
                yield f"EnvironmentFile={self.settings}"
                yield f"StandardError=append:{self.journal}"


@contextmanager
def open_user_manager() -> Iterator[UserManager]:
    """On leaving, what runs is stopped, and the manager with it."""
    with tempfile.TemporaryDirectory(prefix="drena-") as place:  # a short name: it becomes part of sockets' addresses
        manager = UserManager(Path(place))
        for name in ("run", "units"):
            (manager.folder / name).mkdir()
        manager.place_units()
        command = ["unshare", "--mount", "sh", "-c", f"{IN_ITS_OWN_RUN} exec {SYSTEMD} --user --log-target=null"]
        process = subprocess.Popen(command, env=manager.environ, stdin=subprocess.DEVNULL)
        try:
            yield manager
        finally:
            manager.systemctl("stop", *DOORS, "drena.service")
            process.kill()
            process.wait()


async def ask(address: str) -> str:
    """The status of the answer; `refused` where nobody listens, or where the door was closed while we waited."""
    try:
        async with await trio.open_unix_socket(address) as stream:
            await stream.send_all(LIVE)
            return (await stream.receive_some() or b" refused").split(b" ")[1].decode()
    except (OSError, trio.BrokenResourceError):
        return "refused"


async def test_a_daemon_that_failed_for_good_lets_nobody_wait_and_one_start_mends_it(database: str) -> None:
    wrong = environment(database, settings={"node.max_jobs": "many"})
    right = environment(database)
    with trio.fail_after(LIMIT_S), open_user_manager() as manager:
        write(manager.settings, wrong)
        while manager.states("default.target") != ["active"]:  # noqa: ASYNC110  # it tells nobody
            await trio.sleep(0.02)
        manager.systemctl("start", *DOORS)
        assert manager.states(*DOORS) == ["active", "active"]

        # The first who connects starts it, in vain. He hears so, as does whoever comes after him.
        assert await ask(manager.door(DOORS[0])) == "refused"
        while manager.states(*DOORS, "drena.service") != ["inactive", "inactive", "failed"]:  # noqa: ASYNC110  # nor here
            await trio.sleep(0.02)
        assert await ask(manager.door(DOORS[1])) == "refused"
        assert manager.states("drena-closed.target") == ["active"]
        assert manager.journal.read_text().count("node.max_jobs") == 1, "it was started again and again"

        write(manager.settings, right)
        manager.systemctl("start", "drena.service")
        assert manager.states(*DOORS, "drena.service", "drena-closed.target") == [
            "active",
            "active",
            "active",
            "inactive",
        ]
        assert await ask(manager.door(DOORS[0])) == "200"


def write(file: Path, environ: dict[str, str]) -> None:
    file.write_text("".join(f"{name}={value}\n" for name, value in environ.items()))
