"""The repository's own files, for tests that read them."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]

BUILT = {"__pycache__", "node_modules", "dist", "build"}
"""Folders that git ignores. Hidden ones are left out too, except `.ci`."""


def files(folder: Path = ROOT) -> list[Path]:
    """Every file that a person wrote, found without git: a release archive has none."""
    found: list[Path] = []
    for path in sorted(folder.iterdir()):
        if path.is_dir():
            wanted = path.name == ".ci" or not path.name.startswith(".")
            found += files(path) if wanted and path.name not in BUILT and not path.name.endswith(".egg-info") else []
        elif path.name != ".git":
            found.append(path)
    return found


def python_files() -> list[Path]:
    return [path for path in files() if path.suffix == ".py"]


def name_of(path: Path) -> str:
    """How a failing test names a file."""
    return path.relative_to(ROOT).as_posix()


def projects() -> dict[str, dict[str, Any]]:
    """The [project] tables of this repository's distributions, by folder."""
    paths = [ROOT / "pyproject.toml", *ROOT.glob("plugins/*/pyproject.toml"), *ROOT.glob("contrib/*/pyproject.toml")]
    return {name_of(path.parent): tomllib.loads(path.read_text())["project"] for path in paths}
