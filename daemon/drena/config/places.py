"""Where things lie when nobody says: the state directory, and whether it can be used."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path

from drena.errors import ConfigError, reason

DEFAULT_FILE = Path("/etc/drena/drena.toml")
"""Read when it exists and nothing names another."""


def default_state_dir(environ: Mapping[str, str], *, root: bool) -> Path:
    """The state directory of a configuration that names none.

    Args:
        environ: the environment; systemd's `STATE_DIRECTORY` wins, and may be a list separated by colons.
        root: whether this process is root.

    Raises:
        ConfigError: nothing says where the user's files are.
    """
    if given := environ.get("STATE_DIRECTORY", "").split(":")[0]:
        return Path(given)
    if root:
        return Path("/var/lib/drena")
    if (state := environ.get("XDG_STATE_HOME", "")).startswith("/"):
        return Path(state) / "drena"
    if home := environ.get("HOME"):
        return Path(home) / ".local" / "state" / "drena"
    msg = "No place for the daemon's files: set `state_dir` in the configuration file or DRENA_STATE_DIR."
    raise ConfigError(msg)


def prepare_state_dir(path: Path) -> Path:
    """Create the state directory, for its owner's eyes only, and prove that a file can be written in it.

    Returns:
        The same path.

    Raises:
        ConfigError: it cannot be created, is no directory, or refuses a file.
    """
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path):
            pass
    except OSError as error:
        msg = f"The state directory {path} cannot be used: {reason(error)}. Set another by `state_dir`."
        raise ConfigError(msg) from error
    return path
