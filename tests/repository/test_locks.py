"""The lock files: hashed, silent about where packages come from, and up to date with the pyproject files."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from repository.tree import ROOT, projects

if TYPE_CHECKING:
    from pathlib import Path

LOCKS = sorted((ROOT / ".ci" / "requirements").glob("*.txt"))
OURS = {canonicalize_name(project["name"]) for project in projects().values()}


@pytest.fixture(params=LOCKS, ids=[path.stem for path in LOCKS])
def lock(request: pytest.FixtureRequest) -> Path:
    return request.param


def test_a_lock_is_nothing_but_pinned_requirements_and_their_hashes(lock: Path):
    line = re.compile(r"([a-z0-9-]+==[^\s;]+( ; [^\\]+)? \\|    --hash=sha256:[0-9a-f]{64}( \\)?)")
    assert [text for text in lock.read_text().splitlines() if not line.fullmatch(text)] == []


def test_a_package_has_the_same_version_in_every_lock(lock: Path):
    everything = _pins(ROOT / ".ci" / "requirements" / "dev.txt")
    assert {name: pin for name, pin in _pins(lock).items() if everything.get(name) != pin} == {}


@pytest.mark.parametrize("name, extras", [("dev", {"embedded", "dev"}), ("demo", {"embedded"})], ids=["dev", "demo"])
def test_the_locks_satisfy_the_pyproject_files_or_make_lock_was_forgotten(name: str, extras: set[str]):
    pins = _pins(ROOT / ".ci" / "requirements" / f"{name}.txt")
    wanted = [Requirement(line) for project in projects().values() for line in _requirements(project, extras)]
    unmet = [str(want) for want in wanted if not want.specifier.contains(pins.get(canonicalize_name(want.name), "0"))]
    assert unmet == []


def _pins(lock: Path) -> dict[str, str]:
    return dict(re.findall(r"^([a-z0-9-]+)==([^\s;]+)", lock.read_text(), re.MULTILINE))


def _requirements(project: dict[str, list[str]], extras: set[str]) -> list[str]:
    lines = list(project.get("dependencies", []))
    for extra, more in project.get("optional-dependencies", {}).items():
        lines += more if extra in extras else []
    return [line for line in lines if canonicalize_name(Requirement(line).name) not in OURS]
