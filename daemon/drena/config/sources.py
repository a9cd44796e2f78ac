"""The two sources, a TOML table and the environment, flattened to the same thing: path, raw value, place."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import msgspec

from drena.errors import ConfigError

from .schema import ANY, Keys, Setting

PREFIX = "DRENA_"
FILE_VARIABLE = "DRENA_CONFIG"
TOKEN_VARIABLE = "DRENA_TOKEN"  # noqa: S105  # its name
NO_SETTINGS = (FILE_VARIABLE, TOKEN_VARIABLE)
"""Variables that say something else: where the file is; whom `drena watch` shall be."""
BOOLEANS = {"true": True, "yes": True, "on": True, "1": True, "false": False, "no": False, "off": False, "0": False}


@dataclass(frozen=True, slots=True)
class Found:
    """A raw value and the place it was found at."""

    path: Keys
    value: Any
    place: str
    """`file /etc/drena/drena.toml` or the variable's name."""


def from_table(
    table: Mapping[str, Any], known: Mapping[Keys, Setting], *, place: str, above: Keys = ()
) -> Iterator[Found]:
    """Flatten a TOML table.

    Raises:
        ConfigError: a key or section that does not exist, or a value where a section belongs.
    """
    for name, value in table.items():
        here = (*above, name)
        if lookup(here, known) is not None:
            yield Found(here, value, place)
        elif not _is_section(here, known):
            raise _unknown(".".join(here), [_spelled(s.path, here) for s in known.values()] + _sections(known), place)
        elif isinstance(value, Mapping):
            yield from from_table(value, known, place=place, above=here)
        else:
            key = ".".join(here)
            msg = f"`{key}` is a section, not a value: write [{key}] and its settings below it ({place})."
            raise ConfigError(msg)


def from_environment(environ: Mapping[str, str], known: Mapping[Keys, Setting]) -> Iterator[Found]:
    """Flatten the `DRENA_…` variables; text becomes lists and booleans where the setting is one.

    Raises:
        ConfigError: a variable that names no setting.
    """
    for name in sorted(environ):
        if not name.startswith(PREFIX) or name in NO_SETTINGS or not environ[name]:
            continue
        if not is_utf8(environ[name]):
            msg = f"The variable {name} is not UTF-8 text."
            raise ConfigError(msg)
        path = _path_of(name)
        setting = lookup(path, known)
        if setting is None:
            raise _unknown(name, [_variable(_spelled(s.path, path)) for s in known.values()], "environment")
        yield Found(path, _from_text(environ[name], setting), name)


def is_utf8(text: str) -> bool:
    """Whether what the operating system handed over was text, and not bytes that mean nothing."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def from_credentials(environ: Mapping[str, str], known: Mapping[Keys, Setting]) -> Iterator[Found]:
    """The settings that may hold a password and are systemd credentials, named as their variables would be.

    Raises:
        ConfigError: a credential is there and cannot be read.
    """
    folder = environ.get("CREDENTIALS_DIRECTORY")
    if not folder:
        return
    for path in (path for path, setting in known.items() if setting.secret and ANY not in path):
        name = variable_of(path)
        try:
            text = (Path(folder) / name).read_text(encoding="utf-8").rstrip("\r\n")
        except FileNotFoundError:
            continue
        except (OSError, UnicodeDecodeError) as error:
            msg = f"The systemd credential {name} cannot be read: check the file it comes from."
            raise ConfigError(msg) from error
        if text:
            yield Found(path, text, f"systemd credential {name}")


def variable_of(path: Keys) -> str:
    """The environment variable of a key."""
    return PREFIX + "__".join(path).upper()


def _variable(key: str) -> str:
    return variable_of(tuple(key.split(".")))


def _path_of(variable: str) -> Keys:
    names = variable.removeprefix(PREFIX).lower().split("__")
    if names[0] == "providers" and len(names) > 3:  # a slug may hold two underscores itself
        names = [names[0], "__".join(names[1:-1]), names[-1]]
    return tuple(names)


def lookup(path: Keys, known: Mapping[Keys, Setting]) -> Setting | None:
    """The setting at a path; any provider's stands under the wildcard."""
    if len(path) == 3 and path[1] and path[1] != ANY:
        return known.get(path) or known.get((path[0], ANY, path[2]))
    return known.get(path)


def _is_section(path: Keys, known: Mapping[Keys, Setting]) -> bool:
    return any(len(k) > len(path) and all(a in (b, ANY) for a, b in zip(k, path, strict=False)) for k in known)


def _sections(known: Mapping[Keys, Setting]) -> list[str]:
    return sorted({path[0] for path in known if len(path) > 1})


def _spelled(path: Keys, like: Keys) -> str:
    """A known key with the wildcard spelled as in the key somebody wrote."""
    return ".".join(like[i] if part == ANY and i < len(like) else part for i, part in enumerate(path))


def _unknown(name: str, known: list[str], place: str) -> ConfigError:
    near = get_close_matches(name, known, n=1, cutoff=0.6) or get_close_matches(name, known, n=1, cutoff=0.3)
    hint = f"; did you mean `{near[0]}`?" if near else "."
    return ConfigError(f"There is no setting `{name}` ({place}){hint}")


def _from_text(text: str, setting: Setting) -> Any:
    if setting.is_list:
        return _list_from(text.strip())
    if setting.expected.startswith("true"):
        return BOOLEANS.get(text.strip().lower(), text)
    for number in (int, float) if setting.expected.startswith(("a whole", "a number")) else ():
        try:
            return number(text)
        except ValueError:
            continue
    return text


def _list_from(text: str) -> Any:
    """Parts between commas, or the list as JSON; text that begins as such a list and is none stays as it is, to be
    refused. An address such as `[::1]` is a part."""
    with suppress(msgspec.DecodeError):
        if isinstance(found := msgspec.json.decode(text), list):
            return found
    if re.match(r"\[\s*[\"']", text):
        return text
    return [part for part in (piece.strip() for piece in text.split(",")) if part]
