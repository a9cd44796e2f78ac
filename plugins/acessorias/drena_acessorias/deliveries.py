"""The sync of deliveries: company by company, or what changed since; resumable at any point.

Two tasks, as for the companies. The reader walks one list after another, a company's or the list of changes; the
writer takes every page that waits, up to `_ROWS_AT_ONCE` rows, into one statement and one transaction with the counters
and the checkpoint. In memory are the pages in the channel, the ones being written and the keys of one list.

A new attempt starts with the company after the last one that was read to its end. Of the list it was cut off in, pages
that were written are read again and not counted again; their rows find their hash unchanged.

The watermark is committed in the transaction that commits the last of what it speaks of, and never by a reading that
was not judged good (I8). For that the reader holds the last page of each list back until it knows that no other
follows. `/ListAll` answers a `DtLastDH` older than yesterday with "nothing", so when midnight passes under a list of
changes its end proves nothing, and the job goes on company by company.
"""

from __future__ import annotations

import datetime as dt
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import msgspec
import trio

from drena.api import AttemptFenced, Counters, GiveUp, RetryLater
from drena_acessorias.client import Client
from drena_acessorias.delivery_mirror import (
    count_within,
    linked_companies,
    read_watermark,
    set_watermark,
    write_deliveries,
)
from drena_acessorias.delivery_plan import Plan, Watermark, decide, still_listed, windows
from drena_acessorias.delivery_rows import Harvest
from drena_acessorias.delivery_state import REFUSALS_BORNE, Position, follows, told, verdict
from drena_acessorias.mirror import NOT_YET_ON_DISK
from drena_acessorias.office_clock import earliest, heard, latest
from drena_acessorias.pages import End, Take, Walk

if TYPE_CHECKING:
    from collections.abc import Sequence

    from drena.api import Context, Transaction
    from drena_acessorias.checkpoint import Checkpoint

ENTITY: Final = "deliveries"
_CHANGES: Final = "changes"
_AHEAD: Final = 4
_ROWS_AT_ONCE: Final = 500
_LINES_OF_A_KIND: Final = 20


class Target(msgspec.Struct, frozen=True):
    """A list to read: a company's deliveries, or all that changed."""

    key: str = ""
    document: str | None = None
    since: str | None = None


class Page(msgspec.Struct, frozen=True):
    """One page of a list."""

    stretch: str
    take: Take


class Over(msgspec.Struct, frozen=True):
    """Every target was read; `expired` when the end of the list of changes proves nothing any more."""

    expired: bool


class Finished(msgspec.Struct, frozen=True):
    """A target was read to its end."""

    target: Target
    last: Page | None
    """Its last page; None when it has none."""
    refusal: str | None
    """The API's error in place of its first page."""
    over: Over | None
    """No other target follows."""


Item = Page | Finished | Over | GiveUp | RetryLater
Stop = Over | GiveUp | RetryLater | AttemptFenced


class DeliveriesSync:
    """One attempt.

    Args:
        ctx: of the attempt.
        base: the checkpoint with what the job did before the deliveries.
        position: where the job stands; moves with every transaction.
        watermark: of the last complete reading.
        linked: external key and document of every linked company.
    """

    def __init__(
        self,
        ctx: Context,
        base: Checkpoint,
        position: Position,
        watermark: Watermark | None,
        linked: Sequence[tuple[str, str | None]],
    ) -> None:
        self._ctx = ctx
        self._base = base
        self._position = position
        self._watermark = watermark
        self._linked = linked
        self._client = Client(ctx)
        self._seen: set[str] = set()
        self._seen_of = ""
        self._counted_of, self._counted_pages = position.stretch, position.pages
        self._told: set[str] = set()

    async def run(self) -> dict[str, Any]:
        """Read what the plan asks for and mirror it; returns the result. Raises what the sync of companies raises."""
        outcome = await self._pass()
        if isinstance(outcome, Over) and outcome.expired:
            await self._turn_to_full()
            outcome = await self._pass()
        if not isinstance(outcome, Over):
            raise outcome
        if (trouble := self._verdict(self._position)) is not None:
            raise trouble
        counters = self._ctx.counters.get(ENTITY, Counters())
        return {"entity": ENTITY, **told(self._position), **msgspec.to_builtins(counters)}

    async def _pass(self) -> Stop:
        targets = self._targets()
        self._ctx.log.info("leitura das entregas", targets=len(targets), **told(self._position))
        send, receive = trio.open_memory_channel[Item](_AHEAD)
        async with send, receive, trio.open_nursery() as nursery:
            nursery.start_soon(self._read, targets, send, name="read deliveries ahead")
            outcome = await self._write_all(receive, len(targets))
            nursery.cancel_scope.cancel()
        return outcome

    def _targets(self) -> list[Target]:
        """The lists still to read, in the order in which the position moves over them."""
        plan, before = self._position.plan, self._position.after
        known = set(self._watermark.companies) if plan.since is not None and self._watermark is not None else set()
        targets = [
            Target(key=key, document=document)
            for key, document in self._linked
            if document is not None and key not in known and follows(key, before)
        ]
        return [*targets, Target(since=plan.since)] if plan.since is not None else targets

    async def _read(self, targets: Sequence[Target], send: trio.MemorySendChannel[Item]) -> None:
        try:
            for number, target in enumerate(targets, 1):
                last, refusal = await self._read_target(target, send)
                over = self._over() if number == len(targets) else None
                await send.send(Finished(target, last, refusal, over))
            if not targets:
                await send.send(self._over())
        except (GiveUp, RetryLater) as trouble:
            await send.send(trouble)

    def _over(self) -> Over:
        since = self._position.plan.since
        now = latest(dt.datetime.now(dt.UTC), self._client.offset)
        return Over(expired=since is not None and not still_listed(since, now))

    async def _read_target(self, target: Target, send: trio.MemorySendChannel[Item]) -> tuple[Page | None, str | None]:
        """Send every page of every window but the last, which is returned with the API's error, when it answered one
        in place of a first page."""
        settings = self._ctx.settings
        held = refusal = None
        for number, window in enumerate(windows(self._position.plan.reach, settings.window_days)):
            walk = Walk(start=1, cap=settings.max_pages, rows="entregas")
            ask = partial(self._client.deliveries, target.document, window, target.since)
            stretch = f"{target.key or _CHANGES}/{number}"
            while not isinstance(step := await self._client.next_step(walk, ask), End):
                if held is not None:
                    await send.send(held)
                held = Page(stretch, step)
            if step.page == 1 and step.nothing.form == "Erro":
                refusal = step.nothing.text
        return held, refusal

    async def _write_all(self, items: trio.MemoryReceiveChannel[Item], total: int) -> Stop:
        """Write whatever waits. The reasons to stop are returned, not raised: the nursery would wrap them."""
        while True:
            batch, stop = await _waiting(items)
            over = stop if isinstance(stop, Over) else None
            try:
                if batch or over is not None:
                    await self._write(batch, over)
            except (GiveUp, AttemptFenced) as trouble:
                return trouble
            if stop is not None:
                return stop
            done = self._position.companies
            self._ctx.progress(
                done, max(done, total), unit="companies", phase=ENTITY, message=f"{self._position.read} entregas lidas"
            )

    async def _write(self, batch: Sequence[Page | Finished], over: Over | None) -> None:
        """Write pages, counters and the checkpoint in one transaction, and the watermark when they are the last."""
        harvest, position = Harvest(), self._position
        for item in batch:
            page = item if isinstance(item, Page) else item.last
            if page is not None:
                position = self._gathered(position, page, harvest)
            if isinstance(item, Finished):
                position = _passed(position, item)
        async with self._ctx.transaction() as tx:
            created = updated = 0
            await tx.execute(NOT_YET_ON_DISK)
            if harvest.deliveries:
                created, updated = await write_deliveries(tx, self._ctx.tenant.id, harvest.deliveries.values())
            read = max(harvest.read, created + updated + harvest.anonymous)
            position = msgspec.structs.replace(
                position, read=position.read + read, oddities=position.oddities.after(harvest)
            )
            tx.count(
                ENTITY,
                read=read,
                created=created,
                updated=updated,
                skipped=read - created - updated - harvest.anonymous,
                errors=harvest.anonymous,
            )
            if over is not None and not over.expired and self._verdict(position) is None:
                await set_watermark(tx, self._ctx.tenant.id, ENTITY, self._reached())
            self._save(tx, position)
        self._position = position
        self._tell(harvest)
        if len(position.refused) > REFUSALS_BORNE and (trouble := verdict(position, min_share=0.0)) is not None:
            raise trouble

    def _gathered(self, position: Position, page: Page, harvest: Harvest) -> Position:
        """Take a page in; returns the position behind it."""
        if page.stretch != self._seen_of:
            self._seen_of, self._seen = page.stretch, set()
        number = page.take.page
        counted = page.stretch != self._counted_of or number > self._counted_pages
        harvest.add(page.take.rows, self._seen, counted=counted)
        pages = number if counted else self._counted_pages
        return msgspec.structs.replace(position, stretch=page.stretch, pages=pages)

    async def _turn_to_full(self) -> None:
        """Go on company by company: the list of changes is not to be trusted."""
        self._ctx.log.warning("o dia virou durante a leitura das mudanças: lendo empresa por empresa")
        old = self._position
        plan = Plan(old.plan.began, old.plan.reach, why_full="o dia virou durante a leitura das mudanças")
        async with self._ctx.transaction() as tx:
            self._position = msgspec.structs.replace(old, plan=plan, after="", stretch="", pages=0, companies=0)
            self._save(tx, self._position)
        self._counted_of, self._counted_pages = "", 0

    def _verdict(self, position: Position) -> GiveUp | None:
        return verdict(position, min_share=self._ctx.settings.min_share)

    def _reached(self) -> Watermark:
        """What a reading that was judged good leaves to the next."""
        plan, old = self._position.plan, self._watermark
        began = heard(plan.began) + min(self._client.offset or dt.timedelta(), dt.timedelta())
        full = plan.since is None or old is None
        return Watermark(
            since=str(began.replace(microsecond=0)),
            full_on=began.date() if full or old is None else old.full_on,
            reach=plan.reach if full or old is None else old.reach,
            companies=tuple(key for key, document in self._linked if document is not None),
        )

    def _save(self, tx: Transaction, position: Position) -> None:
        tx.checkpoint(msgspec.structs.replace(self._base, deliveries=position))

    def _tell(self, harvest: Harvest) -> None:
        for label in harvest.unknown:
            if label not in self._told and len(self._told) < _LINES_OF_A_KIND:
                self._told.add(label)
                self._ctx.log.warning("situação de entrega desconhecida: guardada como veio", label=label)
        if harvest.anonymous:
            self._ctx.log.warning("entregas sem identificação: não gravadas", rows=harvest.anonymous)


async def _waiting(items: trio.MemoryReceiveChannel[Item]) -> tuple[list[Page | Finished], Stop | None]:
    """What waits to be written, up to `_ROWS_AT_ONCE` rows, and the reason to stop behind it if it came too."""
    batch: list[Page | Finished] = []
    rows = 0
    item = await items.receive()
    while isinstance(item, Page | Finished):
        batch.append(item)
        if isinstance(item, Finished) and item.over is not None:
            return batch, item.over
        page = item if isinstance(item, Page) else item.last
        rows += 0 if page is None else len(page.take.rows)
        if rows >= _ROWS_AT_ONCE:
            return batch, None
        try:
            item = items.receive_nowait()
        except trio.WouldBlock:
            return batch, None
    return batch, item


def _passed(position: Position, item: Finished) -> Position:
    """The position behind a target that was read to its end."""
    key = item.target.key
    refused = position.refused if item.refusal is None else position.refused | {key or _CHANGES: item.refusal}
    if not key:
        return msgspec.structs.replace(position, refused=refused)
    return msgspec.structs.replace(position, refused=refused, after=key, companies=position.companies + 1)


async def sync_deliveries(ctx: Context, base: Checkpoint) -> dict[str, Any]:
    """Mirror the office's deliveries into `drena.deliveries`, from the checkpoint on.

    Args:
        ctx: of the attempt.
        base: the checkpoint so far; its `deliveries` is where an earlier attempt stopped.
    """
    now = dt.datetime.now(dt.UTC)
    async with ctx.transaction() as tx:
        watermark = await read_watermark(tx, ctx.tenant.id)
        linked = await linked_companies(tx, ctx.tenant.id)
        position = base.deliveries
        if position is None:
            plan = decide(ctx.settings, watermark, earliest=earliest(now, None), latest=latest(now, None))
            position = Position(plan, await count_within(tx, ctx.tenant.id, plan.reach))
        without = sum(document is None for _, document in linked)
        oddities = msgspec.structs.replace(position.oddities, companies_without_document=without)
        position = msgspec.structs.replace(position, oddities=oddities)
        tx.checkpoint(msgspec.structs.replace(base, deliveries=position))
    if not linked:
        raise GiveUp(
            "no_companies",
            "Nenhuma empresa veio do Acessórias ainda: sincronize primeiro as empresas (fila companies).",
        )
    return await DeliveriesSync(ctx, base, position, watermark, linked).run()
