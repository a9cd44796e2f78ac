"""From a TOML file and the environment to a checked `Config`. The environment wins, key by key.

Both sources are flattened to the same thing first: a path of names, a raw value and the place it was found at, so that
every check is written once and every sentence can say where. A value of a setting that may hold a password is never
repeated in a sentence.
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec

from drena.errors import ConfigError

from .places import DEFAULT_FILE, default_state_dir, reason
from .schema import ANY, Keys, Setting, settings_of
from .settings import Config, ProviderOverrides

PREFIX = "DRENA_"
FILE_VARIABLE = "DRENA_CONFIG"
SHOWN_CHARS = 80
SLUG = re.compile(r"[a-z][a-z0-9_]*")
BOOLEANS = {"true": True, "yes": True, "on": True, "1": True, "false": False, "no": False, "off": False, "0": False}


@dataclass(frozen=True, slots=True)
class Found:
    """A raw value and the place it was found at."""

    path: Keys
    value: Any
    place: str
    """`file /etc/drena/drena.toml` or the variable's name."""


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
    if file is not None or default_file.exists():
        at = file or default_file
        found.update((f.path, f) for f in from_table(_read_file(at), known, place=f"file {at}"))
    found.update((f.path, f) for f in from_environment(environ, known))
    values = {key: _checked(item, _lookup(key, known)) for key, item in found.items()}
    values.setdefault(("state_dir",), default_state_dir(environ, root=os.geteuid() == 0))
    config = _assemble(values)
    places = {key: item.place for key, item in found.items()}
    _agree(config, places)
    return Loaded(config, places)


def from_table(
    table: Mapping[str, Any], known: Mapping[Keys, Setting], *, place: str, above: Keys = ()
) -> Iterator[Found]:
    """Flatten a TOML table.

    Raises:
        ConfigError: a key or section that does not exist, or a value where a section belongs.
    """
    for name, value in table.items():
        here = (*above, name)
        if _lookup(here, known) is not None:
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
        if not name.startswith(PREFIX) or name == FILE_VARIABLE or not environ[name]:
            continue
        path = _path_of(name)
        setting = _lookup(path, known)
        if setting is None:
            raise _unknown(name, [_variable(_spelled(s.path, path)) for s in known.values()], "environment")
        yield Found(path, _from_text(environ[name], setting), name)


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


def _lookup(path: Keys, known: Mapping[Keys, Setting]) -> Setting | None:
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


def _from_text(text: str, setting: Setting) -> Any:
    if setting.is_list:
        return [part for part in (piece.strip() for piece in text.split(",")) if part]
    if setting.expected.startswith("true"):
        return BOOLEANS.get(text.strip().lower(), text)
    for number in (int, float) if setting.expected.startswith(("a whole", "a number")) else ():
        try:
            return number(text)
        except ValueError:
            continue
    return text


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


def _agree(config: Config, places: Mapping[Keys, str]) -> None:
    """Refuse values that are right alone and wrong together."""
    if config.retry.base_s > config.retry.cap_s:
        msg = f"`retry.base_s` ({config.retry.base_s:g}) is above `retry.cap_s` ({config.retry.cap_s:g})."
        raise ConfigError(msg)
    if config.database.listen_url and not config.database.url:
        msg = "`database.listen_url` needs `database.url`: the embedded database is listened to directly."
        raise ConfigError(msg)
    urls = {("database", "url"): config.database.url, ("database", "listen_url"): config.database.listen_url}
    for path, url in urls.items():
        _expect_scheme(path, url, ("postgresql", "postgres"), places)
    for slug, overrides in config.providers.items():
        if not SLUG.fullmatch(slug):
            msg = (
                f"`providers.{slug}` names no provider: a slug is lower-case letters, digits and _, as in `acessorias`."
            )
            raise ConfigError(msg)
        _expect_scheme(("providers", slug, "proxy"), overrides.proxy, ("http", "https"), places)


def _expect_scheme(path: Keys, url: str | None, schemes: tuple[str, ...], places: Mapping[Keys, str]) -> None:
    if url is None:
        return
    try:
        scheme = urlsplit(url).scheme
    except ValueError:
        scheme = ""
    if scheme not in schemes:
        msg = f"`{'.'.join(path)}` must be a URL that starts with {schemes[0]}:// ({places.get(path, 'default')})."
        raise ConfigError(msg)
