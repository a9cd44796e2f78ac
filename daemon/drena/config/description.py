"""Every key with its value, source and meaning, for people: passwords are masked."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import reduce
from typing import Any, Final

from drena.redaction import MASK, mask_urls

from .changes import changes_live
from .loading import Loaded
from .schema import ANY, Keys, Setting, settings_of
from .settings import Config
from .sources import variable_of

ANY_PROVIDER: Final = "SLUG"
"""Stands for a provider's slug, none of which has capitals."""


@dataclass(frozen=True, slots=True)
class Described:
    """One line of `drena config`."""

    key: str
    value: Any
    """Plain: text, number, boolean, list or None; passwords masked."""
    default: Any
    source: str
    """`default`, `file <path>` or the environment variable's name."""
    variable: str
    """The environment variable that sets it."""
    reload: bool
    """Whether SIGHUP changes it in a running daemon; the others need a restart."""
    description: str


def describe(loaded: Loaded) -> list[Described]:
    """Each setting once; a provider's settings once for each provider the operator wrote something about, and without
    any, once for whichever he might.

    Never raises; holds no password.
    """
    return [_line(setting, path, loaded) for setting in settings_of(Config) for path in _paths(setting, loaded)]


def _paths(setting: Setting, loaded: Loaded) -> Iterator[Keys]:
    if ANY not in setting.path:
        yield setting.path
        return
    for slug in loaded.config.providers or (ANY_PROVIDER,):
        yield tuple(slug if part == ANY else part for part in setting.path)


def _line(setting: Setting, path: Keys, loaded: Loaded) -> Described:
    nobodys = ANY in setting.path and not loaded.config.providers
    value = setting.default if nobodys else reduce(_member, path, loaded.config)
    return Described(
        key=".".join(path),
        value=_plain(value, secret=setting.secret),
        default=_plain(setting.default, secret=False),
        source=loaded.places.get(path, "default"),
        variable=variable_of(path),
        reload=changes_live(".".join(path)),
        description=setting.description,
    )


def _member(of: Any, name: str) -> Any:
    return of[name] if isinstance(of, dict) else getattr(of, name)


def _plain(value: Any, *, secret: bool) -> Any:
    if isinstance(value, tuple):
        return [_plain(each, secret=secret) for each in value]
    if value is None or isinstance(value, (bool, int, float)):
        return value
    if not secret:
        return str(value)
    return mask_urls(str(value)) if "://" in str(value) else MASK
