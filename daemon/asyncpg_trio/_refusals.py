"""What asyncpg offers and this package does not, refused in words that say what to use instead."""

from __future__ import annotations

from typing import Any

TIMEOUT = "timeout= is not supported: put the call into a cancel scope, as in `with trio.fail_after(seconds):`"
REFUSED_OPTIONS = {
    "timeout": TIMEOUT,
    "command_timeout": f"command_{TIMEOUT}",
    "loop": "loop= is not supported: there is no event loop but Trio's",
    "connection_class": "connection_class= is not supported: asyncpg_trio has its own Connection",
    "connect": "connect= is not supported: pass the connection options themselves",
}


def refuse_timeout(timeout: object) -> None:
    """Refuse a `timeout=` argument.

    Raises:
        NotImplementedError: always, unless the argument was left out.
    """
    if timeout is not None:
        raise NotImplementedError(TIMEOUT)


def refuse_options(options: dict[str, Any]) -> None:
    """Refuse connection options that make no sense here.

    Raises:
        NotImplementedError: naming the option and what to use instead.
    """
    for name, reason in REFUSED_OPTIONS.items():
        if options.get(name) is not None:
            raise NotImplementedError(reason)
        options.pop(name, None)
