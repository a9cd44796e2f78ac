"""The host: every plugin that was found, taken whole or skipped whole, with the reason."""

from __future__ import annotations

import sys
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any, Final, Literal

from drena.api import Authorizer, Observer, Provider
from drena.errors import UsageError

from .contract import PluginFault, said
from .finding import Source, holds_plugins, installed
from .hooks import Offer, SecretSource, ask

NOT_INSTALLED: Final = (
    "no plugin is installed in this folder, whatever else is in it: install one with "
    "`pip install --no-deps --target {} WHEEL`"
)
UNREADABLE: Final = "the user that Drena runs as cannot read this folder: {}"


@dataclass(frozen=True, slots=True)
class PluginReport:
    """What became of one plugin: a line of `drena plugins`."""

    name: str
    """The distribution's name."""
    version: str
    source: str
    """The entry point, as `name = module:object`."""
    state: Literal["ok", "skipped"]
    reason: str = ""
    """Why it was skipped, in one sentence."""
    providers: tuple[str, ...] = ()
    """The slugs it offers."""
    hooks: tuple[str, ...] = ()
    """The hooks it implements."""


@dataclass(frozen=True, slots=True)
class PluginHost:
    """The plugins of this process."""

    providers: Mapping[str, Provider]
    """By slug."""
    reports: Sequence[PluginReport]
    """Every plugin that was found, and every folder or name in the settings that leads nowhere."""
    authorizer: Authorizer | None = None
    """Who lets people in, in place of the built-in tokens."""
    secrets: Sequence[SecretSource] = ()
    """Who is asked for secrets first, in this order."""
    observers: Sequence[Observer] = ()
    """Who is told how attempts end."""

    def provider(self, slug: str) -> Provider:
        """The provider with this slug.

        Raises:
            UsageError: nobody offers it; the sentence names the nearest, and what was skipped.
        """
        if (found := self.providers.get(slug)) is not None:
            return found
        near = get_close_matches(slug, self.providers, n=1, cutoff=0.5)
        skipped = [report.name for report in self.reports if report.state == "skipped"]
        hint = (
            f"; did you mean {near[0]!r}?" if near else f"; there are: {', '.join(sorted(self.providers)) or 'none'}."
        )
        also = f" Skipped plugins: {', '.join(skipped)} (see `drena plugins`)." if skipped else ""
        msg = f"No plugin offers the provider {slug!r}{hint}{also}"
        raise UsageError(msg)


def load_plugins(
    *,
    path: Iterable[Path] = (),
    disabled: Collection[str] = (),
    found: Iterable[Source] | None = None,
) -> PluginHost:
    """Find, import and check the plugins.

    Args:
        path: more folders with installed distributions; they are put at the end of `sys.path` and stay there.
        disabled: distributions or entry points to leave out.
        found: the plugins, for tests; None looks for them.

    Returns:
        The host. A plugin that fails is in its reports; this never raises because of one.
    """
    folders = list(path)
    reports = list(_open_folders(folders))
    sources = sorted(installed(folders) if found is None else found, key=lambda s: (s.name.lower(), s.entry.name))
    taken: dict[str, Offer] = {}
    for source in sources:
        report, offer = _load(source, disabled, taken)
        reports.append(report)
        if offer is not None:
            taken[f"{source.name} ({source.entry.name})"] = offer
    return PluginHost(
        {provider.slug: provider for offer in taken.values() for provider in offer.providers},
        [*reports, *_unknown_disabled(disabled, sources)],
        next((offer.authorizer for offer in taken.values() if offer.authorizer is not None), None),
        [SecretSource(name, offer.secrets) for name, offer in taken.items() if offer.secrets is not None],
        [observer for offer in taken.values() for observer in offer.observers],
    )


def _open_folders(folders: Iterable[Path]) -> Iterator[PluginReport]:
    for folder in folders:
        try:
            empty = not any(folder.iterdir())
        except OSError as error:  # Python would pass over a folder it may not read in silence
            here = not isinstance(error, (FileNotFoundError, NotADirectoryError))
            reason = UNREADABLE.format(error.strerror) if here else "there is no such folder"
            yield PluginReport(str(folder), "", "plugins.path", "skipped", reason)
            continue
        if not empty and not holds_plugins(folder):
            yield PluginReport(str(folder), "", "plugins.path", "skipped", NOT_INSTALLED.format(folder))
        if str(folder) not in sys.path:
            sys.path.append(str(folder))


def _unknown_disabled(disabled: Collection[str], sources: Sequence[Source]) -> Iterator[PluginReport]:
    known = {name for source in sources for name in source.names}
    for name in disabled:
        if name not in known:
            near = get_close_matches(name, known, n=1)
            reason = "there is no such plugin" + (f"; did you mean {near[0]!r}?" if near else "")
            yield PluginReport(name, "", "plugins.disabled", "skipped", reason)


def _load(source: Source, disabled: Collection[str], taken: Mapping[str, Offer]) -> tuple[PluginReport, Offer | None]:
    entry = f"{source.entry.name} = {source.entry.value}"
    report = PluginReport(source.name, source.version, entry, "ok")
    try:
        if any(name in disabled for name in source.names):
            raise PluginFault("it is disabled by `plugins.disabled`")
        offer = ask(_import(source.entry))
        _check_slugs(offer.providers, {p.slug: p for other in taken.values() for p in other.providers})
        _check_names(offer.observers, {o.name for other in taken.values() for o in other.observers})
        if offer.authorizer is not None:
            _check_only_authorizer(taken)
    except PluginFault as fault:
        return replace(report, state="skipped", reason=str(fault)), None
    return replace(report, providers=tuple(p.slug for p in offer.providers), hooks=offer.hooks), offer


def _check_names(observers: Sequence[Observer], taken: Collection[str]) -> None:
    names = [observer.name for observer in observers]
    for name in names:
        if name in taken or names.count(name) > 1:
            raise PluginFault(f"there is an observer {name!r} already")


def _check_only_authorizer(taken: Mapping[str, Offer]) -> None:
    for name, other in taken.items():
        if other.authorizer is not None:
            raise PluginFault(f"it has an authorizer, and so has {name}: disable one of them by `plugins.disabled`")


def _import(entry: EntryPoint) -> Any:
    try:
        return entry.load()
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # no Trio here, and a plugin may raise anything
        raise PluginFault(f"it cannot be imported: {said(error)}") from error  # noqa: ASYNC104


def _check_slugs(providers: Sequence[Provider], taken: Mapping[str, Provider]) -> None:
    seen: set[str] = set()
    for provider in providers:
        if provider.slug in taken:
            other = type(taken[provider.slug]).__module__
            raise PluginFault(f"the slug {provider.slug!r} is already offered by {other}")
        if provider.slug in seen:
            raise PluginFault(f"it offers the slug {provider.slug!r} twice")
        seen.add(provider.slug)
