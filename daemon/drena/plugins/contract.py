"""The contract of `drena.api`, held against what a plugin offers: the first thing that is wrong, in words. Pure."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from typing import Any, Final, get_args, get_type_hints

import msgspec

from drena.api import API_VERSION, Authorizer, Limits, Observer, Provider, Word

SLUG: Final = re.compile(r"[a-z][a-z0-9_]{0,62}")
MOST_ATTEMPTS: Final = 1_000
CATEGORIES: Final = get_args(get_args(get_type_hints(Provider)["category"])[0])


class PluginFault(Exception):
    """What is wrong with a plugin, in words that follow its name."""


def check_provider(provider: Any) -> None:
    """Hold a provider against the contract of `drena.api.Provider`.

    Raises:
        PluginFault: the first thing that is wrong.
    """
    _check_kind(provider, Provider, "drena_providers", "a Provider", "[MyProvider()]")
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
        _check_method(f"provider {slug!r}: ", provider, method, 1, "one argument, the context")


def _check_kind(offered: object, wanted: type, hook: str, expected: str, example: str) -> None:
    if not isinstance(offered, wanted):
        hint = f"; call it: `{example}`" if isinstance(offered, type) else ""
        raise PluginFault(f"{hook}() returned {kind(offered)} where {expected} is expected{hint}")


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
    yield "words", _are_words(provider.words), 'a tuple such as (Word("items", pt="itens", en="items"),)'


def _are_words(words: Any) -> bool:
    """Whether each word has a key and is said in both languages."""
    return isinstance(words, tuple) and all(
        isinstance(word, Word) and all(isinstance(text, str) and text.strip() for text in msgspec.structs.astuple(word))
        for word in words
    )


def _check_settings(slug: str, settings: Any) -> None:
    if not (isinstance(settings, type) and issubclass(settings, msgspec.Struct)):
        raise PluginFault(f"provider {slug!r}: `settings` is {kind(settings)}; it must be a msgspec.Struct class")
    try:
        msgspec.json.Decoder(settings)
    except Exception as error:
        raise PluginFault(f"provider {slug!r}: `settings` cannot be decoded from JSON: {said(error)}") from error


def _check_limits(slug: str, limits: Any) -> None:
    if not isinstance(limits, Limits):
        raise PluginFault(f"provider {slug!r}: `limits` is {kind(limits)}; it must be drena.api.Limits(...)")
    for field in Limits.__struct_fields__:
        value = getattr(limits, field)
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value < float("inf"):
            raise PluginFault(f"provider {slug!r}: `limits.{field}` is {value!r}; it must be a number above 0")
    if limits.max_attempts not in range(1, MOST_ATTEMPTS + 1):
        wanted = f"a whole number from 1 to {MOST_ATTEMPTS}"
        raise PluginFault(f"provider {slug!r}: `limits.max_attempts` is {limits.max_attempts!r}; it must be {wanted}")


def _check_method(whose: str, owner: object, name: str, count: int, arguments: str) -> None:
    method = getattr(owner, name)
    if not inspect.iscoroutinefunction(method):
        raise PluginFault(f"{whose}`{name}` must be an async method")
    try:
        inspect.signature(method).bind(*[object()] * count)
    except TypeError as error:
        raise PluginFault(f"{whose}`{name}` must take {arguments}") from error


def check_authorizer(authorizer: Any) -> None:
    """Hold an authorizer against the contract of `drena.api.Authorizer`.

    Raises:
        PluginFault: it is none.
    """
    _check_kind(authorizer, Authorizer, "drena_authorizer", "an Authorizer", "MyAuthorizer()")
    for method, count in (("authorize", 2), ("refresh", 1)):
        _check_method("the authorizer's ", authorizer, method, count, f"{count} argument(s)")


def check_observer(observer: Any) -> None:
    """Hold an observer against the contract of `drena.api.Observer`.

    Raises:
        PluginFault: the first thing that is wrong.
    """
    _check_kind(observer, Observer, "drena_observers", "an Observer", "[MyObserver()]")
    name = getattr(observer, "name", None)
    if not isinstance(name, str) or not SLUG.fullmatch(name):
        raise PluginFault(f"{type(observer).__name__}.name is {name!r}; it must match [a-z][a-z0-9_]*")
    for method, count in (("attempt_ended", 2), ("tend", 1)):
        _check_method(f"observer {name!r}: ", observer, method, count, f"{count} argument(s)")


def said(error: BaseException) -> str:
    """An exception in one line."""
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text}"[:300] if text else type(error).__name__


def kind(value: Any) -> str:
    """What a value is, in words."""
    if value is None:
        return "nothing"
    return f"the class {value.__name__}" if isinstance(value, type) else f"a {type(value).__name__}"
