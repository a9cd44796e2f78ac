"""Watching a provider from inside its attempt: what it commits, what it says, how it ends.

The engine takes secrets out of what a provider says, refuses what it writes too late and writes a verdict whatever it
does. A test has to see what was there before all that. A `Witness` stands in for the provider and hands it a context
that notes each call and passes it on.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, cast

import msgspec

from drena.api import Provider

if TYPE_CHECKING:
    import httpx2

    from drena.api import CheckContext, CheckResult, Context, Transaction

__all__ = ["Account", "Witness", "leaves"]


class Account:
    """What a provider did in one attempt."""

    def __init__(self) -> None:
        self.commits = 0
        """Transactions that committed."""
        self.checkpoints: list[Any] = []
        """Resume states as they were committed, as plain JSON values."""
        self.said: list[tuple[str, str]] = []
        """Where and what: log lines, progress, result, errors, checkpoints; nothing is redacted."""
        self.words: set[str] = set()
        """Units and phases of its progress."""
        self.secrets: set[str] = set()
        """Names of the secrets it read."""
        self.raised: BaseException | None = None
        """What `run` raised."""
        self.ended = False
        """Whether `run` has returned or raised."""
        self.before_transaction: Callable[[int], Awaitable[None]] | None = None
        """Awaited before each transaction opens, with the number of those that committed."""
        self.after_commit: Callable[[int], Awaitable[None]] | None = None
        """Awaited after each commit, with its number, 1 for the first."""

    def note(self, where: str, *what: Any) -> None:
        """Keep what was said there."""
        self.said.extend((where, _text(each)) for each in what if each not in (None, "", {}))


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    try:
        return msgspec.json.encode(value, enc_hook=str).decode()
    except Exception:  # noqa: BLE001  # the engine will refuse it in its own words
        return repr(value)


class Witness(Provider):
    """The provider to everybody else; see the head of this file."""

    def __init__(self, provider: Provider, account: Account) -> None:
        for name in ("slug", "name", "category", "version", "api", "settings", "secrets", "limits", "dry_run", "words"):
            setattr(self, name, getattr(provider, name))
        self._provider = provider
        self._account = account

    async def check(self, ctx: CheckContext) -> CheckResult:
        """The provider's own."""
        return await self._provider.check(ctx)

    async def run(self, ctx: Context) -> Mapping[str, Any] | msgspec.Struct | None:
        """The provider's own, watched."""
        account = self._account
        try:
            result = await self._provider.run(cast("Context", _Watched(ctx, account)))
        except BaseException as error:
            account.raised = error
            account.note("the error it raises", *map(str, leaves(error)))
            raise
        else:
            account.note("its result", result)
            return result
        finally:
            account.ended = True


def leaves(error: BaseException) -> list[BaseException]:
    """The exceptions inside a group, however deep; a bare one is its own only leaf."""
    if isinstance(error, BaseExceptionGroup):
        return [leaf for each in error.exceptions for leaf in leaves(each)]
    return [error]


class _Watched:
    """A context that notes what is said to it. What it does not know it passes through."""

    def __init__(self, inner: Context, account: Account) -> None:
        self._inner = inner
        self._account = account
        self.log = _WatchedLog(inner.log, account)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    @property
    def http(self) -> httpx2.AsyncClient:
        return self._inner.http

    def secret(self, name: str) -> str:
        self._account.secrets.add(name)
        return self._inner.secret(name)

    def progress(
        self, done: int, total: int | None = None, *, unit: str = "", phase: str = "", message: str = ""
    ) -> None:
        self._account.note("ctx.progress", unit, phase, message)
        self._account.words |= {unit, phase} - {""}
        self._inner.progress(done, total, unit=unit, phase=phase, message=message)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Transaction]:
        account = self._account
        if account.before_transaction is not None:
            await account.before_transaction(account.commits)
        saved: list[Any] = []
        async with self._inner.transaction() as tx:
            keep = tx.checkpoint

            def checkpoint(value: Any) -> None:
                keep(value)
                saved[:] = [value]

            tx.checkpoint = checkpoint  # type: ignore[method-assign]
            yield tx
        account.commits += 1
        for value in saved:
            account.checkpoints.append(msgspec.json.decode(msgspec.json.encode(value, enc_hook=str)))
            account.note("its checkpoint", value)
        if account.after_commit is not None:
            await account.after_commit(account.commits)


class _WatchedLog:
    """A logger that notes."""

    def __init__(self, inner: Any, account: Account) -> None:
        self._inner = inner
        self._account = account

    def __getattr__(self, level: str) -> Callable[..., None]:
        say = getattr(self._inner, level)

        def told(message: str, **fields: Any) -> None:
            self._account.note(f"ctx.log.{level}", message, fields)
            say(message, **fields)

        return told
