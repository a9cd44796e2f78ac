#!/usr/bin/env python3
"""Write the hashed lock files `.ci/requirements/*.txt` from every pyproject.toml of this repository.

    lock.py            keeps the versions that are locked already, adds what is missing, drops what nobody asks for
    lock.py --upgrade  takes the newest versions that the pyproject files allow

One resolution serves all files: `dev.txt` is resolved first and constrains the others, so the same version of a package
stands everywhere. The resolution is universal (every CPython from 3.11 on), and no file names an index: whoever
installs decides where the packages come from, the hashes decide whether they are the right ones.

uv does the work because pip cannot resolve for another Python. It lives in a throwaway environment, so that nothing
has to be installed beforehand.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).resolve().parent.parent
LOCKS = ROOT / ".ci" / "requirements"
OLDEST_PYTHON = "3.11"

BUILD_BACKENDS = ("hatchling>=1.27", "editables>=0.5")
"""Locked too where this repository's distributions are installed from the tree: that builds them, without isolation."""


class Lock(NamedTuple):
    """What one lock file covers."""

    name: str
    folders: tuple[str, ...]
    extras: frozenset[str] = frozenset()
    builds: bool = False


DAEMON = (".", "plugins/*")
ALL = (*DAEMON, "contrib/*")
FILES = (
    Lock("dev", ALL, frozenset({"embedded", "dev"}), builds=True),  # make test, make check
    Lock("demo", ALL, frozenset({"embedded"}), builds=True),  # make demo, without the tools of a developer
    Lock("embedded", DAEMON, frozenset({"embedded"})),  # an installation that brings its own database
    Lock("runtime", DAEMON),  # an installation next to an existing database
)


def main() -> None:
    """Resolve and write all files, or leave with uv's own message."""
    upgrade = sys.argv[1:]
    if upgrade not in ([], ["--upgrade"]):
        sys.exit(__doc__)
    ours = {canonical(project["name"]) for project in projects(ALL)}
    LOCKS.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        uv = install_uv(Path(folder))
        for lock in FILES:
            options = upgrade if lock.name == "dev" else ["--constraint", str(LOCKS / "dev.txt")]
            resolve(uv, requirements(lock, ours), LOCKS / f"{lock.name}.txt", options)


def projects(folders: tuple[str, ...]) -> list[dict[str, Any]]:
    """The [project] tables of the distributions in these folders."""
    paths = [path for folder in folders for path in sorted(ROOT.glob(f"{folder}/pyproject.toml"))]
    return [tomllib.loads(path.read_text())["project"] for path in paths]


def requirements(lock: Lock, ours: set[str]) -> list[str]:
    """What a lock file must satisfy. Our own names are left out: they come from the tree, never from an index."""
    found = list(BUILD_BACKENDS) if lock.builds else []
    for project in projects(lock.folders):
        found += project.get("dependencies", [])
        for extra, lines in project.get("optional-dependencies", {}).items():
            found += lines if extra in lock.extras else []
    return sorted({line for line in found if canonical(line) not in ours})


def canonical(requirement: str) -> str:
    """The distribution's name in a requirement, spelt the one way that can be compared."""
    name = re.match(r"[A-Za-z0-9._-]+", requirement)
    assert name is not None, requirement
    return re.sub(r"[-_.]+", "-", name.group()).lower()


def install_uv(folder: Path) -> Path:
    """Install uv into an environment below `folder`; return its program."""
    subprocess.run([sys.executable, "-m", "venv", folder / "venv"], check=True)
    subprocess.run([folder / "venv/bin/pip", "install", "--quiet", "--disable-pip-version-check", "uv"], check=True)
    return folder / "venv/bin/uv"


def resolve(uv: Path, wanted: list[str], output: Path, options: list[str]) -> None:
    """Write one lock file. uv reads the old one first and keeps its versions where they still fit."""
    command = [uv, "pip", "compile", "-", "--quiet", "--universal", "--python-version", OLDEST_PYTHON]
    command += ["--generate-hashes", "--no-header", "--no-annotate", "--no-emit-index-url", "--no-emit-find-links"]
    command += ["--output-file", output, *options]
    print(f"{output.relative_to(ROOT)}", flush=True)
    settings = {name: value for name, value in os.environ.items() if not name.startswith("UV_")}
    subprocess.run(command, input="\n".join(wanted), text=True, check=True, env=settings, cwd=ROOT)


if __name__ == "__main__":
    main()
