"""The settings as a flat list of keys, read off the structs: what the loader, the environment and `drena config` share.

A key is a path of names. `providers` is a section of sections, one a provider; its second name is any slug, shown
here as `*`. Nothing in this file knows a particular setting.
"""

from __future__ import annotations

import types
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

import msgspec
from msgspec import Meta

from .settings import Section

ANY = "*"
"""Stands for any provider's slug in a key."""

Keys = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Setting:
    """One key: its type, default and meaning."""

    path: Keys
    hint: Any
    default: Any
    description: str
    secret: bool

    @property
    def key(self) -> str:
        return ".".join(self.path)

    @property
    def expected(self) -> str:
        """The values it accepts, in words."""
        return _in_words(self.hint)

    @property
    def is_list(self) -> bool:
        return _bare(self.hint)[0] is tuple


def settings_of(section: type[Section], path: Keys = ()) -> Iterator[Setting]:
    """Every setting under a section, in the order they are declared."""
    hints = get_type_hints(section, include_extras=True)
    for field in msgspec.structs.fields(section):
        hint = hints[field.name]
        here = (*path, field.name)
        if (inner := section_type(hint)) is not None:
            yield from settings_of(inner, here)
        elif (each := each_section_type(hint)) is not None:
            yield from settings_of(each, (*here, ANY))
        else:
            yield _setting(here, hint, field)


def section_type(hint: Any) -> type[Section] | None:
    """The struct of a plain section, None for anything else."""
    return hint if isinstance(hint, type) and issubclass(hint, Section) else None


def each_section_type(hint: Any) -> type[Section] | None:
    """The struct of each member of a section of sections, None for anything else."""
    return section_type(get_args(hint)[1]) if get_origin(hint) is Mapping else None


def _setting(path: Keys, hint: Any, field: msgspec.structs.FieldInfo) -> Setting:
    said = next((m for m in _metas(hint) if m.description), Meta())
    default = None if field.default is msgspec.NODEFAULT else field.default
    return Setting(
        path=path,
        hint=hint,
        default=default,
        description=said.description or "",
        secret=bool((said.extra or {}).get("secret")),
    )


def _metas(hint: Any) -> list[Meta]:
    return [m for m in getattr(hint, "__metadata__", ()) if isinstance(m, Meta)]


def _bare(hint: Any) -> tuple[Any, list[Meta]]:
    """The type without Annotated, without `| None`, and the constraints found on the way."""
    found: list[Meta] = []
    while True:
        if get_origin(hint) is Annotated:
            found += _metas(hint)
            hint = get_args(hint)[0]
        elif get_origin(hint) in (Union, types.UnionType):
            hint = next(a for a in get_args(hint) if a is not type(None))
        else:
            break
    return (tuple if get_origin(hint) is tuple else hint), found


def _in_words(hint: Any) -> str:
    bare, metas = _bare(hint)
    if get_origin(bare) is Literal:
        return "one of " + ", ".join(f"`{choice}`" for choice in get_args(bare))
    names = {int: "a whole number", float: "a number", bool: "true or false", tuple: "a list of texts"}
    word = names.get(bare, "a path" if bare is Path else "a text")
    return word + "".join(_bound(m) for m in metas)


def _bound(meta: Meta) -> str:
    low = f" from {meta.ge}" if meta.ge is not None else f" above {meta.gt}" if meta.gt is not None else ""
    return low + (f" up to {meta.le:.0f}" if meta.le is not None else "")
