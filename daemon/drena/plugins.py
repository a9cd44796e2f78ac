"""The plugin host: finds plugins, checks them whole, and keeps what they offer. A value, not a global.

A plugin is an entry point in the group `drena`, found among the installed distributions and in the folders of
`plugins.path`. Each is imported and asked alone, on a trial host of its own, so that whatever is wrong with it can be
said with its name and harms no other: an import that fails or exits, a hook that does not exist or has another
signature, an answer that is not a list of providers, a provider with a missing or impossible attribute, a slug somebody
offers already, an API this daemon does not have. A plugin is taken whole or skipped whole. The order is that of the
names, so the same set of plugins always gives the same host.

Importing and asking happens once, synchronously, before the daemon serves anything.
"""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from importlib.metadata import Distribution, EntryPoint, distributions
from pathlib import Path
from typing import Any, Final, Literal, get_args, get_type_hints

import msgspec
import pluggy

from .api import API_VERSION, Limits, Provider, hookspec
from .errors import UsageError

__all__ = ["GROUP", "PluginHost", "PluginReport", "Source", "installed", "load_plugins"]

GROUP: Final = "drena"
SLUG: Final = re.compile(r"[a-z][a-z0-9_]{0,62}")
CATEGORIES: Final = get_args(get_args(get_type_hints(Provider)["category"])[0])


class Hooks:
    """What a plugin may implement."""

    @hookspec
    def drena_providers(self) -> list[Provider]:
        """The providers this plugin offers. Called once at start, synchronously; it should do no I/O."""
        raise NotImplementedError


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


@dataclass(frozen=True, slots=True)
class Source:
    """A plugin that may be loaded."""

    name: str
    version: str
    entry: EntryPoint

    @property
    def names(self) -> tuple[str, str]:
        """What `plugins.disabled` may call it."""
        return self.name, self.entry.name


@dataclass(frozen=True, slots=True)
class PluginHost:
    """The plugins of this process."""

    providers: Mapping[str, Provider]
    """By slug."""
    reports: Sequence[PluginReport]
    """Every plugin that was found, and every folder or name in the settings that leads nowhere."""

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


class PluginFault(Exception):
    """What is wrong with a plugin, in words that follow its name."""


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
    providers: dict[str, Provider] = {}
    for source in sources:
        report, offered = _load(source, disabled, providers)
        providers.update({provider.slug: provider for provider in offered})
        reports.append(report)
    return PluginHost(providers, [*reports, *_unknown_disabled(disabled, sources)])


def installed(folders: Iterable[Path] = ()) -> Iterator[Source]:
    """The plugins installed for this Python and in these folders; of two with the same name the first counts."""
    seen: set[str] = set()
    for distribution in distributions(path=[*sys.path, *(str(folder) for folder in folders)]):
        entries = distribution.entry_points.select(group=GROUP)
        name = _name(distribution) if entries else None
        if name is None or name in seen:
            continue
        seen.add(name)
        for entry in entries:
            yield Source(name, distribution.version or "?", entry)


def _name(distribution: Distribution) -> str | None:
    """The normalised name; None for the leftovers of a broken installation."""
    name = distribution.metadata["Name"]
    return re.sub(r"[-_.]+", "-", name).lower() if name else None


def _open_folders(folders: Iterable[Path]) -> Iterator[PluginReport]:
    for folder in folders:
        if not folder.is_dir():
            yield PluginReport(str(folder), "", "plugins.path", "skipped", "there is no such folder")
        elif str(folder) not in sys.path:
            sys.path.append(str(folder))


def _unknown_disabled(disabled: Collection[str], sources: Sequence[Source]) -> Iterator[PluginReport]:
    known = {name for source in sources for name in source.names}
    for name in disabled:
        if name not in known:
            near = get_close_matches(name, known, n=1)
            reason = "there is no such plugin" + (f"; did you mean {near[0]!r}?" if near else "")
            yield PluginReport(name, "", "plugins.disabled", "skipped", reason)


def _load(
    source: Source, disabled: Collection[str], taken: Mapping[str, Provider]
) -> tuple[PluginReport, Sequence[Provider]]:
    entry = f"{source.entry.name} = {source.entry.value}"
    report = PluginReport(source.name, source.version, entry, "ok")
    try:
        if any(name in disabled for name in source.names):
            raise PluginFault("it is disabled by `plugins.disabled`")
        providers = _ask(_import(source.entry))
        for provider in providers:
            check_provider(provider)
        _check_slugs(providers, taken)
    except PluginFault as fault:
        return replace(report, state="skipped", reason=str(fault)), ()
    return replace(report, providers=tuple(provider.slug for provider in providers)), providers


def _import(entry: EntryPoint) -> Any:
    try:
        return entry.load()
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # no Trio here, and a plugin may raise anything
        raise PluginFault(f"it cannot be imported: {_said(error)}") from error  # noqa: ASYNC104


def _ask(plugin: Any) -> Sequence[Provider]:
    """Register the plugin on a host of its own and call its hook."""
    trial = pluggy.PluginManager(GROUP)
    trial.add_hookspecs(Hooks)
    try:
        trial.register(plugin, name="plugin")
        trial.check_pending()
    except pluggy.PluginValidationError as error:
        raise PluginFault(_hook_fault(error)) from error
    except Exception as error:
        raise PluginFault(f"its hooks cannot be read: {_said(error)}") from error
    if not trial.hook.drena_providers.get_hookimpls():
        raise PluginFault("it implements no hook: mark a function `drena_providers` with `drena.api.hookimpl`")
    try:
        answers = trial.hook.drena_providers()
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # as above
        raise PluginFault(f"drena_providers() failed: {_said(error)}") from error  # noqa: ASYNC104
    answer = answers[0] if answers else None
    if inspect.iscoroutine(answer):
        answer.close()
        raise PluginFault("drena_providers is async; hooks are synchronous")
    if not isinstance(answer, (list, tuple)):
        raise PluginFault(f"drena_providers() returned {_kind(answer)} where a list of providers is expected")
    return answer


def _hook_fault(error: pluggy.PluginValidationError) -> str:
    text = str(error)
    if unknown := re.search(r"unknown hook '(\w+)'", text):
        return f"there is no hook `{unknown[1]}` in plugin API {API_VERSION}; there is `drena_providers`"
    return "its hook has another signature: " + " ".join(text.splitlines()[-1:])


def check_provider(provider: Any) -> None:
    """Hold a provider against the contract of `drena.api.Provider`.

    Raises:
        PluginFault: the first thing that is wrong.
    """
    if not isinstance(provider, Provider):
        hint = "; call it: `[MyProvider()]`" if isinstance(provider, type) else ""
        raise PluginFault(f"drena_providers() returned {_kind(provider)} where a Provider is expected{hint}")
    slug = getattr(provider, "slug", None)
    if not isinstance(slug, str) or not SLUG.fullmatch(slug):
        raise PluginFault(f"{type(provider).__name__}.slug is {slug!r}; it must match [a-z][a-z0-9_]*")
    for attribute, right, wanted in _attributes(provider):
        if not right:
            shown = repr(getattr(provider, attribute, None))[:60]
            raise PluginFault(f"provider {slug!r}: `{attribute}` is {shown}; it must be {wanted}")
    _check_settings(slug, provider.settings)
    _check_limits(slug, provider.limits)
    for method in ("check", "run"):
        _check_method(slug, method, getattr(provider, method))


def _attributes(provider: Provider) -> Iterator[tuple[str, bool, str]]:
    """Attribute, whether it is right, and what would be."""
    name = getattr(provider, "name", None)
    yield "name", isinstance(name, str) and bool(name.strip()), "a name people read"
    yield "category", provider.category in CATEGORIES, "one of " + ", ".join(CATEGORIES)
    yield "version", isinstance(provider.version, str), "a text"
    api: Any = provider.api
    yield "api", isinstance(api, int) and not isinstance(api, bool) and api >= 1, "a whole number from 1"
    newest = f"at most {API_VERSION}, the plugin API of this daemon; upgrade Drena or use an older plugin"
    yield "api", api <= API_VERSION, newest
    names: Any = provider.secrets
    good = isinstance(names, tuple) and all(isinstance(n, str) and SLUG.fullmatch(n) for n in names)
    yield "secrets", good, 'a tuple of lower-case names such as ("token",)'


def _check_settings(slug: str, settings: Any) -> None:
    if not (isinstance(settings, type) and issubclass(settings, msgspec.Struct)):
        raise PluginFault(f"provider {slug!r}: `settings` is {_kind(settings)}; it must be a msgspec.Struct class")
    try:
        msgspec.json.Decoder(settings)
    except Exception as error:
        raise PluginFault(f"provider {slug!r}: `settings` cannot be decoded from JSON: {_said(error)}") from error


def _check_limits(slug: str, limits: Any) -> None:
    if not isinstance(limits, Limits):
        raise PluginFault(f"provider {slug!r}: `limits` is {_kind(limits)}; it must be drena.api.Limits(...)")
    for field in Limits.__struct_fields__:
        value = getattr(limits, field)
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value < float("inf"):
            raise PluginFault(f"provider {slug!r}: `limits.{field}` is {value!r}; it must be a number above 0")


def _check_method(slug: str, name: str, method: Any) -> None:
    if not inspect.iscoroutinefunction(method):
        raise PluginFault(f"provider {slug!r}: `{name}` must be an async method")
    try:
        inspect.signature(method).bind(object())
    except TypeError as error:
        raise PluginFault(f"provider {slug!r}: `{name}` must take one argument, the context") from error


def _check_slugs(providers: Sequence[Provider], taken: Mapping[str, Provider]) -> None:
    seen: set[str] = set()
    for provider in providers:
        if provider.slug in taken:
            other = type(taken[provider.slug]).__module__
            raise PluginFault(f"the slug {provider.slug!r} is already offered by {other}")
        if provider.slug in seen:
            raise PluginFault(f"it offers the slug {provider.slug!r} twice")
        seen.add(provider.slug)


def _said(error: BaseException) -> str:
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text}"[:300] if text else type(error).__name__


def _kind(value: Any) -> str:
    if value is None:
        return "nothing"
    return f"the class {value.__name__}" if isinstance(value, type) else f"a {type(value).__name__}"
