"""No test waits for ever: a deadline for each asynchronous one."""

from __future__ import annotations

import functools
import inspect
from typing import TYPE_CHECKING, Any

import trio

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    import pytest


def limited(limit_s: float) -> Callable[[Callable[..., Awaitable[None]]], Callable[..., Awaitable[None]]]:
    """Decorator: a test fails after so many seconds, its attribute `limit_s`: tests on another clock change it."""

    def decorate(test: Callable[..., Awaitable[None]]) -> Callable[..., Awaitable[None]]:
        @functools.wraps(test)
        async def run(*args: Any, **kwargs: Any) -> None:
            with trio.fail_after(run.limit_s):  # type: ignore[attr-defined]
                await test(*args, **kwargs)

        run.limit_s = limit_s  # type: ignore[attr-defined]
        return run

    return decorate


def limit_tests(items: list[pytest.Item], folder: Path, limit_s: float) -> None:
    """Limit every asynchronous test below a folder; for a conftest's `pytest_collection_modifyitems`."""
    for item in items:
        function = getattr(item, "obj", None)
        if folder in item.path.parents and inspect.iscoroutinefunction(function):
            item.obj = limited(limit_s)(function)  # type: ignore[attr-defined]
