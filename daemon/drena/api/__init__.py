"""What a plugin may import from Drena. Nothing else of `drena` is promised to plugins.

A plugin is a distribution with an entry point in the group ``drena`` whose module (or object) carries hook
implementations marked with `hookimpl`:

    from drena.api import Provider, hookimpl

    @hookimpl
    def drena_providers() -> list[Provider]:
        return [MyProvider()]

Hooks are synchronous, called once at start. The objects they return have async methods that run on Trio. A plugin may
also say where secrets come from (`drena_secrets`, called for each), who lets people in (`drena_authorizer`), and be
told how attempts end (`drena_observers`).

The rules an attempt lives by, kept by the daemon and not by the provider's good will:

* Every write goes through `Context.transaction`, which first locks the job under this attempt's lease token. An attempt
  that lost its job gets `AttemptFenced` there and nothing of it is committed.
* Data, checkpoint and counters of one transaction commit together or not at all. A killed attempt is started again
  with the last committed checkpoint.
* `run` may be cancelled at any await. Whatever is not committed by then is gone, and that is right.

What has a bound, and what happens beyond it:

* a checkpoint: 64 KiB of JSON; beyond it `Transaction.checkpoint` raises `ValueError`, for what is no JSON `TypeError`,
  and nothing of the transaction commits.
* a result: 1 MiB of JSON; beyond it the attempt fails as a bug, though its data is committed.
* the `reason` of `RetryLater` and the `message` of `GiveUp`: 4,000 characters; a `code`: 100. The rest is cut off.
* `after_s` of `RetryLater`: 30 days; a longer wish is cut to that, one that is no positive number counts as none.
* a log line: a message of 10,000 characters and fields of 64 KiB as JSON; larger fields are left out, by name.
* the answer to a request: 32 MiB decompressed, or what the operator's `max_body_bytes` says; beyond it
  `GiveUp("answer_too_large")`.
* threads of `CheckContext.to_thread`: eight of one provider at a time on a node; the next call waits for its turn.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, ClassVar, Final, Literal, Protocol, TypeVar, TypeVarTuple, Unpack
from uuid import UUID

import httpx2
import msgspec
import pluggy

from .access import Access, Authorizer
from .observing import AttemptEnd, Observer, ObserverContext, ObserverTransaction

__all__ = [
    "API_VERSION",
    "Access",
    "AttemptEnd",
    "AttemptFenced",
    "Authorizer",
    "CheckContext",
    "CheckResult",
    "Context",
    "Counters",
    "GiveUp",
    "Job",
    "Limits",
    "Logger",
    "NoSettings",
    "Observer",
    "ObserverContext",
    "ObserverTransaction",
    "Pace",
    "Provider",
    "ProviderUnreachable",
    "RetryLater",
    "Row",
    "Tenant",
    "Transaction",
    "Word",
    "hookimpl",
    "hookspec",
]

API_VERSION: Final = 1
"""Grows when something a plugin could rely on changes. A provider that needs a newer one is named and skipped."""

hookspec = pluggy.HookspecMarker("drena")
hookimpl = pluggy.HookimplMarker("drena")

Args = TypeVarTuple("Args")
Result = TypeVar("Result")

Row = Mapping[str, Any]
"""One row of a query: columns by name."""


# What a provider raises ---------------------------------------------------------------------------------------------


class RetryLater(Exception):
    """The attempt failed in a way that time may heal: try again, with the last checkpoint.

    Args:
        after_s: the earliest moment to try again, in seconds from now (a server's Retry-After); None leaves it to
            the backoff. The backoff is never shortened by it.
        reason: one sentence for the office's users. No secrets.
        code: stable machine-readable word, kept in `integration_jobs.error_code`.
    """

    def __init__(self, after_s: float | None, reason: str, *, code: str = "retry_later") -> None:
        super().__init__(reason)
        self.after_s = after_s
        self.reason = reason
        self.code = code


class ProviderUnreachable(RetryLater):
    """The outside system could not be reached, cut the connection or answered too late. Raised by `Context.http`."""

    def __init__(self, reason: str, *, after_s: float | None = None) -> None:
        super().__init__(after_s, reason, code="provider_unreachable")


class GiveUp(Exception):
    """The attempt failed in a way that no retry heals: end the job as `error`.

    Args:
        code: stable machine-readable word: `token_invalid`, `config_invalid`, …
        message: one sentence for the office's users that says what to do. No secrets.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class AttemptFenced(Exception):
    """This attempt no longer holds its job: rescued, cancelled or ended by somebody else. Let it pass."""


# What a provider is told --------------------------------------------------------------------------------------------


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """What a provider asks of the daemon. An operator may set another pace and deadline."""

    requests_per_minute: float = 60.0
    """The pace that `Context.http` starts with and never exceeds, unless the operator sets another."""
    deadline_s: float = 4 * 3600.0
    """An attempt older than this is ended with code `deadline`."""
    no_progress_s: float = 900.0
    """An attempt whose progress and checkpoint have not moved for this long is ended with code `no_progress`."""
    max_attempts: int = 5
    """Of a job whose request does not say how many it may have; 1,000 at most."""


class NoSettings(msgspec.Struct, frozen=True):
    """For providers without per-tenant settings."""


class Tenant(msgspec.Struct, frozen=True, kw_only=True):
    """An accounting office: a row of `organizacoes`."""

    id: UUID
    slug: str
    name: str


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """The job this attempt runs: a row of `integration_jobs` as it was when claimed."""

    id: UUID
    tenant_id: UUID
    provider_slug: str
    lane: str
    attempt: int
    """1 for the first."""
    max_attempts: int
    payload: Mapping[str, Any]


class Counters(msgspec.Struct, kw_only=True):
    """Rows of one entity over the whole job, earlier attempts included. Kept in `sync_jobs`."""

    read: int = 0
    created: int = 0
    updated: int = 0
    skipped: int = 0
    errors: int = 0


class Logger(Protocol):
    """Lines that go to the daemon's log and to the job's own log. Fields are plain values; secrets are redacted.

    The methods never wait: lines are kept in order and written in the background and with the end of the attempt.
    """

    def debug(self, message: str, **fields: Any) -> None: ...
    def info(self, message: str, **fields: Any) -> None: ...
    def warning(self, message: str, **fields: Any) -> None: ...
    def error(self, message: str, **fields: Any) -> None: ...


class Pace(Protocol):
    """The token bucket of one credential, shared by every attempt that uses it."""

    @property
    def requests_per_minute(self) -> float:
        """The present rate."""

    def slower(self, reason: str) -> None:
        """Tell it of throttling the status code does not show (an empty page that was full a moment later)."""


class Transaction(Protocol):
    """A fenced database transaction of an attempt. Queries use PostgreSQL's `$1`, `$2`, … parameters."""

    async def fetch(self, query: str, *args: Any) -> Sequence[Row]: ...
    async def fetchrow(self, query: str, *args: Any) -> Row | None: ...
    async def fetchval(self, query: str, *args: Any) -> Any: ...
    async def execute(self, query: str, *args: Any) -> str: ...
    async def executemany(self, query: str, args: Iterable[Sequence[Any]]) -> None: ...

    def checkpoint(self, value: Any) -> None:
        """Save this resume state when the transaction commits.

        Args:
            value: anything msgspec turns into JSON, at most 64 KiB of it. It replaces the one before.

        Raises:
            ValueError: it is larger than that.
            TypeError: it holds something that is no JSON. In both cases nothing of the transaction is committed.
        """

    def count(
        self, entity: str, *, read: int = 0, created: int = 0, updated: int = 0, skipped: int = 0, errors: int = 0
    ) -> None:
        """Add to the job's counters of this entity when the transaction commits."""


class CheckContext(Protocol):
    """What a provider's `check` may use: everything of `Context` that needs no job."""

    @property
    def tenant(self) -> Tenant: ...
    @property
    def settings(self) -> Any:
        """An instance of the provider's `settings` struct, decoded from `tenant_integrations.config`."""

    @property
    def base_url(self) -> str | None:
        """`tenant_integrations.base_url` as the operator typed it."""

    @property
    def log(self) -> Logger: ...
    @property
    def pace(self) -> Pace: ...
    @property
    def http(self) -> httpx2.AsyncClient:
        """A client for this attempt alone: paced, with timeouts by phase, retrying idempotent requests by itself.

        Every answer with a status code is returned, also 4xx and 5xx. Before that, GET, HEAD and OPTIONS are sent up
        to four times: after 429, 502, 503 and 504, no connection, a timeout, a reset, a body that ends early. The
        waits between are short and random, and a Retry-After of up to a minute is waited out; a longer one is left to
        the caller, who turns it into `RetryLater`. Any other method is sent again only when the connection never came
        about. ``extensions={"drena.retry": True}`` on a request says that repeating it does no harm,
        ``{"drena.retry": False}`` that it must never be repeated.

        Raises:
            ProviderUnreachable: no try brought an answer. Whether the server acted on the request, nobody knows.
            GiveUp: `answer_too_large`, see the head of this file; or `request_invalid`: the request cannot be sent as
                it is, for its address has no scheme or a header holds what no header may (often a secret pasted with
                a line break).
        """

    def secret(self, name: str) -> str:
        """The tenant's secret of this name.

        Raises:
            GiveUp: code `secret_missing`; the message names the environment variable and the credential to set.
        """

    async def to_thread(self, func: Callable[[Unpack[Args]], Result], *args: *Args) -> Result:
        """Call a function that blocks, in a thread, and return what it returns.

        Waits while eight threads of this provider are at work on the node. Cancelled, it ends at once and leaves the
        thread behind: nobody can stop a thread, so the function goes on to its end, its result or exception is thrown
        away, and its place among the eight is free only then. So give whatever blocks a time limit of its own, and
        hand the function plain values: in the thread nothing of the context may be touched.

        Raises:
            Exception: what the function raised.
        """


class Context(CheckContext, Protocol):
    """What one attempt may use. Not to be kept after `run` has returned."""

    @property
    def job(self) -> Job: ...
    @property
    def checkpoint(self) -> Any:
        """The resume state last committed for this job, as plain JSON values; None at the very beginning."""

    @property
    def counters(self) -> Mapping[str, Counters]:
        """Totals by entity, of committed transactions only."""

    @property
    def dry_run(self) -> bool:
        """Whether this is `drena check --dry-run`: what is written in transactions is rolled back in the end, and
        nothing that changes the outside system may be sent. See `Provider.dry_run`."""

    def transaction(self) -> AbstractAsyncContextManager[Transaction]:
        """Open a transaction that holds the job's row under this attempt's lease token.

        Leaving the block normally commits data, checkpoint and counters together. An exception or cancellation rolls
        all of it back. An attempt has one at a time: another task's waits until this one is over.

        Raises:
            AttemptFenced: the job is no longer this attempt's.
            RuntimeError: this task is inside one already; or, of what it yielded, when that is used afterwards.
        """

    def progress(
        self, done: int, total: int | None = None, *, unit: str = "", phase: str = "", message: str = ""
    ) -> None:
        """Tell how far the attempt is; only the latest value is kept and written, at most four times a second.

        Args:
            done: how many so far.
            total: how many in all; None while that is not known.
            unit: what is counted: the key of one of `Provider.words`.
            phase: which part of the work this is: the key of another.
            message: one sentence for the office's users.
        """


class Word(msgspec.Struct, frozen=True):
    """A unit or a phase of the progress, in both languages that Drena speaks.

    It travels with the progress, so that whoever shows it needs to know nothing of the provider.
    """

    key: str
    """What `Context.progress` is given."""
    pt: str
    en: str


class CheckResult(msgspec.Struct, frozen=True, kw_only=True):
    """The answer of `Provider.check`."""

    ok: bool
    message: str
    """One sentence: does the credential work, what does it see, what not."""
    details: Mapping[str, Any] = {}


class Provider(ABC):
    """An outside system. Subclass it, set the attributes, write `check` and `run`; one instance serves all tenants."""

    slug: ClassVar[str]
    """`[a-z][a-z0-9_]*`; the value of `tenant_integrations.provider`."""
    name: ClassVar[str]
    category: ClassVar[Literal["fiscal", "financeiro", "messaging", "banking", "general"]] = "general"
    version: ClassVar[str] = "0"
    api: ClassVar[int] = 1
    """The `API_VERSION` this provider was written for."""
    settings: ClassVar[type[msgspec.Struct]] = NoSettings
    """The shape of `tenant_integrations.config`. Unknown keys are ignored; bad values end a job as `config_invalid`."""
    secrets: ClassVar[tuple[str, ...]] = ()
    """Names of the secrets it needs, lower case: `("token",)`."""
    limits: ClassVar[Limits] = Limits()
    dry_run: ClassVar[bool] = False
    """Whether `run` may be rehearsed: it writes in `Context.transaction` alone, and when `Context.dry_run` is true it
    sends nothing that changes the outside system and counts what it would have done. Without it a rehearsal is
    refused."""

    words: ClassVar[tuple[Word, ...]] = ()
    """What `Context.progress` calls units and phases, as people read it:
    ``(Word("companies", pt="empresas", en="companies"),)``."""

    @abstractmethod
    async def check(self, ctx: CheckContext) -> CheckResult:
        """Can we log in, and what is there? Reads only. Raises like `run`."""

    @abstractmethod
    async def run(self, ctx: Context) -> Mapping[str, Any] | msgspec.Struct | None:
        """Run one attempt from `ctx.checkpoint` to the end.

        Returns:
            What the job did, for `integration_jobs.result`; None stands for the counters by entity.

        Raises:
            RetryLater: time may heal it.
            GiveUp: nothing but a person can heal it.
            Exception: anything else is a bug: recorded with its traceback and retried like a failure.
        """
