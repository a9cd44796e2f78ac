"""What an attempt is given: the implementation of `drena.api.Context`."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import msgspec
import trio

from drena.engine.reports import ProgressDetail, measure
from drena.engine.transactions import Turns, add, open_transaction
from drena.store.plain import plain_text
from drena.texts.troubles import Refusal, setting_fault

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping
    from contextlib import AbstractAsyncContextManager
    from typing import TypeVar, TypeVarTuple, Unpack

    import httpx2

    from asyncpg_trio import Pool
    from drena.api import Counters, Job, Pace, Provider, Tenant
    from drena.engine.reports import Reporter
    from drena.engine.statements import Statements
    from drena.engine.threads import Threads
    from drena.engine.transactions import FencedTransaction
    from drena.log import LogLines
    from drena.redaction import Redactor
    from drena.secrets import SecretStore
    from drena.store.jobs import Claim

    Args = TypeVarTuple("Args")
    Result = TypeVar("Result")


def decode_settings(provider: Provider, config: bytes) -> Any:
    """The tenant's settings as the provider's struct.

    Raises:
        Refusal: `config_invalid`, naming the field.
    """
    try:
        return msgspec.json.decode(config, type=provider.settings)
    except msgspec.ValidationError as error:
        portuguese, english = setting_fault(str(error))
        raise Refusal(
            "config_invalid",
            f"A configuração da integração {provider.slug} está errada: {portuguese}. "
            "Corrija tenant_integrations.config.",
            f"The configuration of the integration {provider.slug} is wrong: {english}. "
            "Correct tenant_integrations.config.",
        ) from error


class AttemptLog:
    """Lines of one attempt: to the daemon's log and to the job's own, without secrets."""

    def __init__(self, claim: Claim, reporter: Reporter, log: Callable[[], LogLines], redactor: Redactor) -> None:
        self._claim = claim
        self._reporter = reporter
        self._log = log
        self._redactor = redactor

    def debug(self, message: str, **fields: Any) -> None:
        self._log().debug(message, **fields)  # not kept with the job: one line a request would drown the rest

    def info(self, message: str, **fields: Any) -> None:
        self._log().info(message, **fields)
        self._keep("info", message, fields)

    def warning(self, message: str, **fields: Any) -> None:
        self._log().warning(message, **fields)
        self._keep("warning", message, fields)

    def error(self, message: str, **fields: Any) -> None:
        self._log().error(message, **fields)
        self._keep("error", message, fields)

    def _keep(self, level: str, message: str, fields: Mapping[str, Any]) -> None:
        self._reporter.line(self._claim, level, self._redactor.text(message), self._redactor.value(dict(fields)))


class ProviderContext:
    """What `check` is given; see `drena.api.CheckContext`."""

    def __init__(
        self,
        provider: Provider,
        tenant: Tenant,
        settings: Any,
        base_url: str | None,
        log: Any,
        http: Callable[[], httpx2.AsyncClient],
        pace: Pace,
        secrets: SecretStore,
        threads: Threads,
    ) -> None:
        self.tenant = tenant
        self.settings = settings
        self.base_url = base_url
        self.log = log
        self._http = http
        self.pace = pace
        self._provider = provider
        self._secrets = secrets
        self._threads = threads

    @property
    def http(self) -> httpx2.AsyncClient:
        return self._http()

    def secret(self, name: str) -> str:
        return self._secrets.read(self._provider.slug, name, self.tenant.slug)

    async def to_thread(self, func: Callable[[Unpack[Args]], Result], *args: *Args) -> Result:
        return await self._threads.run(self._provider.slug, self.log, func, *args)


class AttemptContext(ProviderContext):
    """What `run` is given; see `drena.api.Context`."""

    dry_run = False

    def __init__(
        self,
        claim: Claim,
        pool: Pool,
        reporter: Reporter,
        redactor: Redactor,
        counters: dict[str, Counters],
        on_move: Callable[[], None],
        statements: Statements,
        **shared: Any,
    ) -> None:
        super().__init__(**shared)
        self._claim = claim
        self._pool = pool
        self._reporter = reporter
        self._redactor = redactor
        self._counters = counters
        self._on_move = on_move
        self._statements = statements
        self._turns = Turns()
        self._shown: tuple[object, ...] = ()
        self._checkpoint = claim.checkpoint
        self._began_s = trio.current_time()
        self._began_done: int | None = None

    @property
    def job(self) -> Job:
        return self._claim.job

    @property
    def checkpoint(self) -> Any:
        return self._checkpoint

    @property
    def counters(self) -> Mapping[str, Counters]:
        return self._counters

    def transaction(self) -> AbstractAsyncContextManager[FencedTransaction]:
        return self._transaction()

    @asynccontextmanager
    async def _transaction(self) -> AsyncIterator[FencedTransaction]:
        async with self._turns.turn(), open_transaction(self._pool, self._claim, self._statements) as transaction:
            yield transaction
        if transaction.saved is not None:
            self._on_move()
            self._checkpoint = msgspec.json.decode(transaction.saved)
        for entity, more in transaction.counted.items():
            add(self._counters, entity, more)

    def progress(
        self, done: int, total: int | None = None, *, unit: str = "", phase: str = "", message: str = ""
    ) -> None:
        done, total = int(done), None if total is None else int(total)
        if self._began_done is None:
            self._began_done = done
        if self._shown != (shown := (done, total, phase, message)):
            self._shown = shown
            self._on_move()
        rate, eta_s = measure(done, total, since_done=self._began_done, elapsed_s=trio.current_time() - self._began_s)
        words = (word for word in self._provider.words if word.key in {unit, phase})
        detail = ProgressDetail(
            done=done,
            total=total,
            unit=unit,
            phase=phase,
            message=plain_text(self._redactor.text(message)),
            rate_per_s=rate,
            eta_s=eta_s,
            words={word.key: {"pt": word.pt, "en": word.en} for word in words},
        )
        self._reporter.progress(self._claim, detail)
