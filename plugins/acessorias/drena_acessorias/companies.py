"""The sync of companies: list → mirror, page by page, resumable at any point.

Two tasks. The reader asks for pages and judges them (`client.py`, `pages.py`); the writer sorts each as it comes, while
the next answer is on its way, and brings up to `_TOGETHER` of them into `empresas` (`mirror.py`) in one statement and
one transaction, because a transaction costs as much as several pages. Between them a channel of `_AHEAD` pages: the
next ones are fetched while these are written, and at most `_TOGETHER + _AHEAD + 3` are in memory however long the list
is. At the pace that the API bears each page is a transaction of its own. What is kept of a company after its page is
its identity alone.

Pages, their counters and the checkpoint commit together, and with the last of them the watermark and the result: the
latest page is held back until it is known whether another follows. A new attempt starts one page before the
checkpoint's, because companies removed in between shift the others to earlier pages; the identities of the page written
last are in the checkpoint, so reading it again counts nothing twice. Rows of yet earlier pages that come again after a
resume are counted again, but find their hash unchanged and write nothing.

Only the contract's own exceptions leave `run` bare. The nursery wraps everything else, and everything else is a bug or
the database.
"""

from __future__ import annotations

import datetime as dt
import math
from collections import Counter
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

import msgspec
import trio

from drena.api import AttemptFenced, Counters, GiveUp, RetryLater
from drena_acessorias.brakes import nothing_usable, verdict
from drena_acessorias.checkpoint import Checkpoint
from drena_acessorias.client import Client, Reading
from drena_acessorias.delivery_mirror import set_watermark
from drena_acessorias.mirror import NOT_YET_ON_DISK, Written, count_known, write_page
from drena_acessorias.office_clock import earliest, spoken
from drena_acessorias.pages import End, Take, Walk, resume_at
from drena_acessorias.rows import Batch, Company, gather

if TYPE_CHECKING:
    from collections.abc import Sequence

    from drena.api import Context

ENTITY: Final = "companies"
_AHEAD: Final = 8
_TOGETHER: Final = 8
_LINGER_S: Final = 0.1
"""How long the first page waits for others: a moment beside a request at the pace the API bears, several pages without
it."""
_LINES_OF_A_KIND: Final = 20

Sorted = tuple[Take, Batch]
"""A page, its rows let go, and what they came to."""
Stop = End | GiveUp | RetryLater


class CompaniesSync:
    """One attempt.

    Args:
        ctx: of the attempt.
        state: where the job stands; moves with every page.
    """

    def __init__(self, ctx: Context, state: Checkpoint) -> None:
        self._ctx = ctx
        self._state = state
        self._resumed_before = state.next_page
        self._seen = set(state.last_page)
        self._told: Counter[str] = Counter()

    async def run(self) -> dict[str, Any]:
        """Read the list to its end and mirror it.

        Returns:
            The job's result.

        Raises:
            GiveUp: the list is not to be trusted, or the token not accepted. Pages written before stay written.
            RetryLater: the API is in trouble.
            AttemptFenced: the job is no longer ours.
        """
        client = Client(self._ctx)
        walk = Walk(
            start=resume_at(self._state.next_page),
            cap=self._ctx.settings.max_pages,
            digests=self._state.digests_of_pages(),
        )
        self._ctx.log.info("leitura das empresas", from_page=walk.page, known=self._state.known)
        self._tell_progress()
        send, receive = trio.open_memory_channel[Reading](_AHEAD)
        async with send, receive, trio.open_nursery() as nursery:
            nursery.start_soon(client.read_ahead, walk, send, name="read companies ahead")
            outcome = await self._write_all(receive)
            nursery.cancel_scope.cancel()
        if not isinstance(outcome, End):
            raise outcome
        assert self._state.companies is not None, "the end of a good list was written"
        return self._state.companies

    async def _write_all(self, pages: trio.MemoryReceiveChannel[Reading]) -> Stop | AttemptFenced:
        """Write every page. The reasons to stop are returned, not raised: the nursery would wrap them."""
        held: Sorted | None = None
        try:
            while True:
                together, behind = await self._collect(held, pages)
                if isinstance(behind, End):
                    await self._write(together, behind)
                elif together:
                    await self._write(together)
                if isinstance(behind, Stop):
                    return behind
                held = behind
        except (GiveUp, AttemptFenced) as trouble:
            return trouble

    async def _collect(
        self, held: Sorted | None, pages: trio.MemoryReceiveChannel[Reading]
    ) -> tuple[list[Sorted], Sorted | Stop]:
        """Pages to be written together, and what came behind them: the page to hold back, or the reason to stop.

        No document stands on two of them: of two registrations with one document the second page finds what the first
        wrote, so the counters do not depend on how many pages happened to come in time.
        """
        together, latest, documents = list[Sorted](), held, set[str]()
        wait_until = math.inf
        while (step := await _next(pages, wait_until)) is not None:
            if not isinstance(step, Take):
                return ([*together, latest] if latest is not None else together), step
            page = msgspec.structs.replace(step, rows=[]), gather(step.rows, self._seen)
            if latest is not None:
                if not together:
                    wait_until = trio.current_time() + _LINGER_S
                together.append(latest)
                documents |= latest[1].documents
            latest = page
            if len(together) == _TOGETHER or not documents.isdisjoint(latest[1].documents):
                break
        assert latest is not None, "nothing is waited for without an end before there is a page"
        return together, latest

    async def _write(self, pages: Sequence[Sorted], end: End | None = None) -> None:
        """Write pages, their counters and the checkpoint in one transaction.

        Args:
            pages: none at most when the list ends.
            end: of the list, behind these pages. Judged good, its watermark and the result are in the transaction.

        Raises:
            GiveUp: the list is not to be trusted. Its pages are written all the same, unless no row says which company
                it is.
        """
        trouble: GiveUp | None = None
        if pages and self._state.read == 0 and not (first := pages[0][1]).identified:
            raise nothing_usable(len(first.identities) + first.anonymous)
        state, companies, anonymous = self._state, list[Company](), 0
        for page, batch in pages:
            state = state.after(page, batch, reread=page.page < self._resumed_before)
            companies += batch.companies
            anonymous += batch.anonymous
        async with self._ctx.transaction() as tx:
            written = Written(created=0, updated=0, unchanged=0, duplicates=[], foreign_rows=[], hidden=[])
            if end is None:
                await tx.execute(NOT_YET_ON_DISK)
            if companies:
                written = await write_page(tx, self._ctx.tenant.id, companies)
            state, counted = state.wrote(written), _counters(written, len(companies), anonymous)
            if pages:
                tx.count(ENTITY, **msgspec.structs.asdict(counted))
            if end is not None and (trouble := self._verdict(state, end)) is None:
                state = msgspec.structs.replace(state, companies=self._result(state, counted, end))
                mark = {"since": state.began, "companies": state.read}
                await set_watermark(tx, self._ctx.tenant.id, ENTITY, mark)
            tx.checkpoint(state)
        self._state = state
        for page, batch in pages:
            self._tell_oddities(page, batch)
        if pages:
            self._tell_written(pages[-1][0], written)
            self._tell_progress()
        if trouble is not None:
            raise trouble
        if end is not None and end.nothing.form == "Erro":
            self._ctx.log.warning(
                "a lista terminou com uma mensagem do Acessórias", page=end.page, text=end.nothing.text
            )

    def _tell_progress(self) -> None:
        read, known = self._state.read, self._state.known
        self._ctx.progress(
            read,
            max(read, known) if known else None,
            unit="companies",
            phase=ENTITY,
            message=f"{read} empresas lidas do Acessórias",
        )

    def _tell_oddities(self, page: Take, batch: Batch) -> None:
        """Name what a person should look at, by ID; a page of trouble does not become a flood of lines."""
        for each in batch.without_document:
            self._warn("identificador não é CPF nem CNPJ: gravado como veio", page, external_key=each.external_key)
        for _ in range(batch.anonymous):
            self._warn("linha sem ID e sem identificador utilizável: não gravada", page)
        for name in batch.masked:
            if self._told[name] == 0:
                self._warn("o token não vê este campo (valor mascarado): mantido o que havia", page, field=name)
            self._told[name] += 1

    def _tell_written(self, page: Take, written: Written) -> None:
        """The same of what the database found; `page` is the last of those written together."""
        for key in written.duplicates:
            self._warn("outro cadastro mais novo do Acessórias tem o mesmo documento: ignorada", page, external_key=key)
        for key in written.foreign_rows:
            self._warn("a empresa está vinculada a outra origem: não alterada", page, external_key=key)
        for key in written.hidden:
            self._warn("identificador mascarado e ID desconhecido: não gravada", page, external_key=key)

    def _warn(self, message: str, page: Take, **fields: Any) -> None:
        self._told[message] += 1
        if self._told[message] <= _LINES_OF_A_KIND:
            self._ctx.log.warning(message, page=page.page, **fields)

    def _verdict(self, state: Checkpoint, end: End) -> GiveUp | None:
        return verdict(
            read=state.read,
            lost=state.tallies.anonymous + state.tallies.hidden,
            known=state.known,
            end=end.nothing,
            min_share=self._ctx.settings.min_share,
        )

    def _result(self, state: Checkpoint, last: Counters, end: End) -> dict[str, Any]:
        """Of the job.

        Args:
            state: behind the last page.
            last: what the transaction counts that is under way; the context knows all others.
            end: of the list.
        """
        before = msgspec.to_builtins(self._ctx.counters.get(ENTITY, Counters()))
        return {
            "entity": ENTITY,
            "pages": end.page - 1,
            "known_before": state.known,
            **{name: before[name] + more for name, more in msgspec.to_builtins(last).items()},
            **msgspec.to_builtins(state.tallies),
            "masked": list(state.tallies.masked),
        }


def _counters(written: Written, companies: int, anonymous: int) -> Counters:
    return Counters(
        read=companies + anonymous,
        created=written.created,
        updated=written.updated,
        skipped=written.unchanged + len(written.duplicates),
        errors=anonymous + len(written.foreign_rows) + len(written.hidden),
    )


async def _next(pages: trio.MemoryReceiveChannel[Reading], wait_until: float) -> Reading | None:
    """What comes next; None when nothing waits and nothing comes in time."""
    with trio.move_on_at(wait_until):
        return await pages.receive()
    with suppress(trio.WouldBlock):
        return pages.receive_nowait()
    return None


async def sync_companies(ctx: Context) -> dict[str, Any]:
    """Mirror the office's companies into `empresas`, from the checkpoint on."""
    state = committed(ctx) or await _first(ctx)
    return state.companies if state.companies is not None else await CompaniesSync(ctx, state).run()


def committed(ctx: Context) -> Checkpoint | None:
    """The checkpoint of an earlier attempt; None when there is none, or another version of this plugin wrote it."""
    if ctx.checkpoint is None:
        return None
    try:
        return msgspec.convert(ctx.checkpoint, Checkpoint)
    except msgspec.ValidationError as error:
        ctx.log.warning("ponto de retomada ilegível: a leitura recomeça do início", problem=str(error))
        return None


async def _first(ctx: Context) -> Checkpoint:
    """A checkpoint that remembers how many companies were known before this job wrote any."""
    async with ctx.transaction() as tx:
        began = spoken(earliest(dt.datetime.now(dt.UTC), None))
        state = Checkpoint(known=await count_known(tx, ctx.tenant.id), began=began)
        tx.checkpoint(state)
    return state
