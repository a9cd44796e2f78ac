"""The hooks there are, and asking one plugin for all of them.

A plugin is asked alone, on a host of its own, so that whatever is wrong with it is said with its name and harms no
other. A new hook is a method of `Hooks`, a field of `Offer` and a line in `ask`.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import pluggy

from drena.api import API_VERSION, Authorizer, Observer, Provider, hookspec

from .contract import PluginFault, check_authorizer, check_observer, check_provider, kind, said

GROUP: Final = "drena"


class Hooks:
    """What a plugin may implement."""

    @hookspec
    def drena_providers(self) -> list[Provider]:
        """The providers this plugin offers. Called once at start, synchronously; it should do no I/O."""
        raise NotImplementedError

    @hookspec
    def drena_observers(self) -> list[Observer]:
        """Objects that are told how attempts end. Called once at start, synchronously; it should do no I/O."""
        raise NotImplementedError

    @hookspec(firstresult=True)
    def drena_authorizer(self) -> Authorizer | None:
        """Who lets people in, in place of JSON Web Tokens. Called once at start, synchronously; it should do no I/O.

        Service tokens keep working. Of several plugins the first by name counts.
        """
        raise NotImplementedError

    @hookspec(firstresult=True)
    def drena_secrets(self, tenant: str, provider: str, name: str) -> str | None:
        """A provider's secret for a tenant (its slug), before systemd credentials, files and the environment are asked.

        Called for each secret of each attempt, synchronously, on the event loop: answer from memory, and refresh that
        by your own means. None leaves it to the next source; whatever it raises makes the attempt wait and try again.
        """
        raise NotImplementedError


NAMES: Final = tuple(name for name in vars(Hooks) if name.startswith("drena_"))


class SecretSource(NamedTuple):
    """A plugin that knows secrets."""

    name: str
    read: Callable[[str, str, str], object]
    """Tenant slug, provider slug, secret name."""


@dataclass(frozen=True, slots=True)
class Offer:
    """What one plugin offers."""

    hooks: tuple[str, ...]
    providers: Sequence[Provider] = ()
    authorizer: Authorizer | None = None
    secrets: Callable[[str, str, str], object] | None = None
    observers: Sequence[Observer] = ()


def ask(plugin: Any) -> Offer:
    """Register the plugin on a host of its own, and call those of its hooks that are called once.

    Raises:
        PluginFault: the first thing that is wrong.
    """
    trial = pluggy.PluginManager(GROUP)
    trial.add_hookspecs(Hooks)
    try:
        trial.register(plugin, name="plugin")
        trial.check_pending()
    except pluggy.PluginValidationError as error:
        raise PluginFault(_hook_fault(error)) from error
    except Exception as error:
        raise PluginFault(f"its hooks cannot be read: {said(error)}") from error
    hooks = tuple(name for name in NAMES if getattr(trial.hook, name).get_hookimpls())
    if not hooks:
        raise PluginFault("it implements no hook: mark a function `drena_providers` with `drena.api.hookimpl`")
    for name in hooks:
        for implementation in getattr(trial.hook, name).get_hookimpls():
            if inspect.iscoroutinefunction(implementation.function):
                raise PluginFault(f"{name} is async; hooks are synchronous")
    return Offer(
        hooks,
        providers=_providers(trial) if "drena_providers" in hooks else (),
        authorizer=_authorizer(trial) if "drena_authorizer" in hooks else None,
        secrets=_secrets(trial) if "drena_secrets" in hooks else None,
        observers=_observers(trial) if "drena_observers" in hooks else (),
    )


def _call(trial: pluggy.PluginManager, name: str) -> Any:
    try:
        return getattr(trial.hook, name)()
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # no Trio here, and a plugin may raise anything
        raise PluginFault(f"{name}() failed: {said(error)}") from error  # noqa: ASYNC104


def _providers(trial: pluggy.PluginManager) -> Sequence[Provider]:
    answer = _listed(trial, "drena_providers", "providers")
    for provider in answer:
        check_provider(provider)
    return answer


def _observers(trial: pluggy.PluginManager) -> Sequence[Observer]:
    answer = _listed(trial, "drena_observers", "observers")
    for observer in answer:
        check_observer(observer)
    return answer


def _listed(trial: pluggy.PluginManager, name: str, what: str) -> Sequence[Any]:
    answers = _call(trial, name)
    answer = answers[0] if answers else None
    if inspect.iscoroutine(answer):
        answer.close()
        raise PluginFault(f"{name} is async; hooks are synchronous")
    if not isinstance(answer, (list, tuple)):
        raise PluginFault(f"{name}() returned {kind(answer)} where a list of {what} is expected")
    return answer


def _authorizer(trial: pluggy.PluginManager) -> Authorizer:
    authorizer = _call(trial, "drena_authorizer")
    check_authorizer(authorizer)
    assert isinstance(authorizer, Authorizer)
    return authorizer


def _secrets(trial: pluggy.PluginManager) -> Callable[[str, str, str], object]:
    def read(tenant: str, provider: str, name: str) -> object:
        return trial.hook.drena_secrets(tenant=tenant, provider=provider, name=name)

    return read


def _hook_fault(error: pluggy.PluginValidationError) -> str:
    text = str(error)
    if unknown := re.search(r"unknown hook '(\w+)'", text):
        return f"there is no hook `{unknown[1]}` in plugin API {API_VERSION}; there are {', '.join(NAMES)}"
    if (name := re.search(r"for hook '(\w+)'", text)) and (extra := re.search(r"Argument\(s\) \{(.+?)\}", text)):
        given = ", ".join(list(inspect.signature(getattr(Hooks, name[1])).parameters)[1:])
        return f"its hook has another signature: {name[1]} takes {extra[1]}, and there is only {name[1]}({given})"
    return "its hook has another signature: " + " ".join(text.splitlines()[-1:])
