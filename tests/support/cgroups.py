"""A memory limit as systemd's `MemoryMax` sets one: a control group of its own, below that of the tests."""

from __future__ import annotations

import os
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path("/sys/fs/cgroup")
LIMITS = ("memory.max", "memory.limit_in_bytes")
"""The file that holds the limit, of either version."""


@contextmanager
def memory_group(limit_bytes: int) -> Iterator[Path]:
    """A new group with this limit; write a pid to its `cgroup.procs`. It must be empty in the end.

    Skips the test where no group can be made.
    """
    groups = dict(line.split(":", 2)[1:] for line in Path("/proc/self/cgroup").read_text().splitlines())
    own = (
        ROOT / "memory" / groups["memory"].lstrip("/") if "memory" in groups else ROOT / groups.get("", "").lstrip("/")
    )
    group = own / f"drena-{os.getpid()}"
    try:
        group.mkdir()
    except OSError as error:
        pytest.skip(f"no control group can be made here: {error}")
    try:
        limit = next((group / name for name in LIMITS if (group / name).exists()), None)
        if limit is None:
            pytest.skip("control groups here have no limit of memory")
        limit.write_text(str(limit_bytes))
        yield group
    finally:
        group.rmdir()
