"""asyncpg's own published tests, run against asyncpg_trio.

    python tests/driver/compat/run.py [--bindir /usr/lib/postgresql/15/bin] [test_cursor test_pool.TestPool ...]

The tests are taken from asyncpg's source distribution, of the very version that is installed, into a temporary folder
for the length of the run; nothing of them is kept. They run unchanged: `adapter.py` gives them a loop made of Trio, and
connections and pools of asyncpg_trio that take `timeout=` as asyncpg does. What is left out is listed in `skips.py`,
each with its reason. Exit code 1 when anything failed.
"""

from __future__ import annotations

import argparse
import os
import pwd
import subprocess
import sys
import tarfile
import tempfile
from importlib.metadata import version
from pathlib import Path

HERE = Path(__file__).resolve().parent
TESTS = HERE.parent.parent
sys.path[:0] = [str(HERE), str(TESTS), str(TESTS.parent / "daemon")]

from support.postgres import debian_bindirs, wheel_bindir  # noqa: E402


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bindir", type=Path, help="PostgreSQL's programs; Debian's, or else the wheel's")
    parser.add_argument("--sdist", type=Path, help="asyncpg's source distribution, if it is there already")
    parser.add_argument("--verbose", action="store_true", help="name every test")
    parser.add_argument("only", nargs="*", help="test modules, classes or tests")
    arguments = parser.parse_args()
    bindir = arguments.bindir or (debian_bindirs() or [wheel_bindir()])[-1]
    with tempfile.TemporaryDirectory(prefix="compat-", dir="/tmp") as name:
        folder = Path(name)
        source = arguments.sdist or download(folder)
        with tarfile.open(source) as archive:
            archive.extractall(folder, **({"filter": "data"} if hasattr(tarfile, "data_filter") else {}))
        install(folder / "extras", "distro")  # which the tests import
        account = unprivileged(folder)
        command = [
            sys.executable,
            str(HERE / "suite.py"),
            *(["--verbose"] if arguments.verbose else []),
            *arguments.only,
        ]
        (unpacked,) = folder.glob("asyncpg-*/")
        environment = {**os.environ, "PGINSTALLATION": str(bindir), "HOME": name, "TMPDIR": name}
        environment |= {"COMPAT_TESTS": str(unpacked / "tests"), "PYTHONDONTWRITEBYTECODE": "1"}
        environment["PYTHONPATH"] = str(folder / "extras")
        print(f"asyncpg {version('asyncpg')}, {bindir}, Python {sys.version.split()[0]}", flush=True)
        return subprocess.run(command, check=False, cwd=name, env=environment, **account).returncode


def download(folder: Path) -> Path:
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-binary", "asyncpg"]
    subprocess.run([*command, "--dest", str(folder), f"asyncpg=={version('asyncpg')}"], check=True)
    (found,) = folder.glob("asyncpg-*.tar.gz")
    return found


def install(folder: Path, *packages: str) -> None:
    command = [
        sys.executable,
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        "--target",
        str(folder),
    ]
    subprocess.run([*command, *packages], check=True, stderr=subprocess.DEVNULL)


def unprivileged(folder: Path) -> dict[str, object]:
    """PostgreSQL refuses root: root runs all of it as nobody."""
    if os.geteuid() != 0:
        return {}
    nobody = pwd.getpwnam("nobody")
    for path in (folder, *folder.rglob("*")):
        os.chown(path, nobody.pw_uid, nobody.pw_gid)
    return {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}


if __name__ == "__main__":
    sys.exit(main())
