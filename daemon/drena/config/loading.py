"""From a TOML file and the environment to a checked `Config`. The environment wins, key by key.

Both sources are flattened to the same thing first (`sources.py`): a path of names, a raw value and the place it was
found at, so that every check is written once and every sentence can say where. A value of a setting that may hold a
password is never repeated in a sentence.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from drena.errors import ConfigError, reason

from .agreement import expect_agreement
from .places import DEFAULT_FILE, default_state_dir
from .schema import Keys, Setting, settings_of
from .settings import Config, ProviderOverrides
from .sources import FILE_VARIABLE, Found, from_credentials, from_environment, from_table, lookup

SHOWN_CHARS = 80


@dataclass(frozen=True, slots=True)
class Loaded:
    """A configuration and where its values come from."""

    config: Config
    places: Mapping[Keys, str]
    """By key; a key that is missing has its default."""


def load_config(path: Path | None, environ: Mapping[str, str], *, default_file: Path = DEFAULT_FILE) -> Config:
    """Read and check the configuration.

    Args:
        path: the file named on the command line; None looks at `DRENA_CONFIG`, then at `default_file` if it exists.
        environ: the environment, `DRENA_DATABASE__URL` for `database.url`. An empty variable counts as absent.
        default_file: the file that may be missing.

    Raises:
        ConfigError: one sentence with the key or variable, what was wrong, and what would be right.
    """
    return read_config(path, environ, default_file=default_file).config


def read_config(path: Path | None, environ: Mapping[str, str], *, default_file: Path = DEFAULT_FILE) -> Loaded:
    """Like `load_config`, and remember where each value came from."""
    known = {setting.path: setting for setting in settings_of(Config)}
    file = path or (Path(environ[FILE_VARIABLE]) if environ.get(FILE_VARIABLE) else None)
    found: dict[Keys, Found] = {}
    if file is not None or _is_there(default_file):
        at = file or default_file
        found.update((f.path, f) for f in from_table(_read_file(at), known, place=f"file {at}"))
    found.update((f.path, f) for f in from_environment(environ, known))
    found.update((f.path, f) for f in from_credentials(environ, known))
    values = {key: _checked(item, lookup(key, known)) for key, item in found.items()}
    values.setdefault(("state_dir",), default_state_dir(environ, root=os.geteuid() == 0))
    config = _assemble(values)
    places = {key: item.place for key, item in found.items()}
    expect_agreement(config, places)
    return Loaded(config, places)


def _is_there(path: Path) -> bool:
    """Whether a file exists; one that may not even be looked at does, and reading it will say why not."""
    try:
        return path.exists()
    except PermissionError:
        return True


def _read_file(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        msg = f"The configuration file {path} cannot be read: {reason(error)}."
        raise ConfigError(msg) from error
    except UnicodeDecodeError as error:
        msg = f"The configuration file {path} is not UTF-8 text (byte {error.start})."
        raise ConfigError(msg) from None
    except tomllib.TOMLDecodeError as error:
        msg = f"The configuration file {path} is not valid TOML: {error}."
        raise ConfigError(msg) from None


def _checked(item: Found, setting: Setting | None) -> Any:
    assert setting is not None, "only known keys are kept"
    try:
        return msgspec.convert(item.value, setting.hint, dec_hook=_decode_path)
    except msgspec.ValidationError:
        shown = "" if setting.secret else f" {_shown(item.value)}"
        key = ".".join(item.path)
        msg = f"`{key}` cannot be{shown or ' what was given'}: it must be {setting.expected} ({item.place})."
        raise ConfigError(msg) from None


def _decode_path(kind: type, value: Any) -> Any:
    if kind is Path and isinstance(value, str) and value and "\0" not in value:
        return Path(value).expanduser().absolute()
    raise TypeError


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= SHOWN_CHARS else text[:SHOWN_CHARS] + "…"


def _assemble(values: Mapping[Keys, Any]) -> Config:
    """Put checked values into the structs."""
    tree: dict[str, Any] = {}
    for path, value in values.items():
        table = tree
        for name in path[:-1]:
            table = table.setdefault(name, {})
        table[path[-1]] = value
    hints = {field.name: field.type for field in msgspec.structs.fields(Config)}
    given = {
        name: hints[name](**value) if isinstance(value, dict) else value
        for name, value in tree.items()
        if name != "providers"
    }
    providers = {slug: ProviderOverrides(**value) for slug, value in tree.get("providers", {}).items()}
    return Config(**given, providers=providers)
