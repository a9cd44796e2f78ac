"""What the hook `drena_observers` returns: objects that are told how attempts ended. Plugins import it from
`drena.api`."""

from __future__ import annotations

from abc import ABC, abstractmethod
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Protocol

import httpx2
import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from . import Job, Logger, Row, Tenant


class AttemptEnd(msgspec.Struct, frozen=True, kw_only=True):
    """How an attempt ended. Its verdict is written; nothing an observer does changes it."""

    job: Job
    tenant: Tenant | None
    """None when no such tenant exists any more."""
    status: Literal["success", "error", "canceled", "pending"]
    """What the job is now; `pending` when there will be another attempt."""
    code: str | None
    """Why it is not a success."""
    message: str | None
    """The sentence for the office's users, without secrets."""
    took_s: float


class ObserverTransaction(Protocol):
    """A transaction on Drena's database; it commits at the end of its block. Queries use `$1`, `$2`, … parameters."""

    async def fetch(self, query: str, *args: Any) -> Sequence[Row]: ...
    async def fetchrow(self, query: str, *args: Any) -> Row | None: ...
    async def fetchval(self, query: str, *args: Any) -> Any: ...
    async def execute(self, query: str, *args: Any) -> str: ...
    async def executemany(self, query: str, args: Iterable[Sequence[Any]]) -> None: ...


class ObserverContext(Protocol):
    """What an observer may use. The same object each time it is called in this process."""

    @property
    def log(self) -> Logger:
        """The daemon's log; secrets are redacted."""

    @property
    def http(self) -> httpx2.AsyncClient:
        """An HTTP client with short timeouts that neither repeats a request nor holds one back by itself: what a
        server says with 429 or `Retry-After` is the observer's to heed."""

    def secret(self, name: str) -> str:
        """The observer's secret `name`, read anew: `<NAME>_<SECRET>` in upper case, as a systemd credential, in the
        environment or in the file of secrets. Settings an observer needs are read the same way.

        Raises:
            GiveUp: it is missing or malformed.
        """

    def transaction(self) -> AbstractAsyncContextManager[ObserverTransaction]:
        """Where an observer keeps what must survive restarts, shared by all nodes; `drena.observer_changes` is there
        for what is to be told once."""

    def wake(self) -> None:
        """Ask for `tend` soon. Never waits; many calls are one."""


class Observer(ABC):
    """Is told of every attempt that ended on this node.

    It is called beside the queue, never in it: one that raises, hangs or is slow delays and breaks nothing. Calls have
    `CALL_S` seconds, come one after the other, and what does not fit into a queue of `QUEUED` ends is dropped and
    counted. A node that dies takes what it had not told yet with it, so what must not be missed is looked for in the
    database, by `tend`.
    """

    CALL_S: ClassVar[float] = 30.0
    QUEUED: ClassVar[int] = 1000

    name: ClassVar[str]
    """Lower case, as a provider's slug; the first part of its secrets' names."""

    @abstractmethod
    async def attempt_ended(self, ctx: ObserverContext, end: AttemptEnd) -> None:
        """An attempt of this node has ended. Not told: jobs that were ended without an attempt (healed, rescued as
        poison, canceled while waiting)."""

    async def tend(self, ctx: ObserverContext) -> float | None:  # noqa: ARG002
        """Called at the start of every node, after `ctx.wake()`, and again after the seconds it returns; None for
        `TEND_S`. Every node calls it, at the same time too. What it raises is logged, and it is called again."""
        return None
