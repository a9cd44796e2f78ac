"""A provider that works on the database alone: a job is so many pages, each page one row in one fenced transaction.

The table `ticks` has no unique index, so a page that was applied twice shows. Beside it stands the journal, a file that
every process appends to without asking anybody: it says who ran when, by a clock all processes of a machine share.

The job's payload says how to behave; see `Orders`.
"""

from __future__ import annotations

import json
import os
import signal
import time
from typing import TYPE_CHECKING, Any, Literal

import msgspec
import trio

from drena.api import CheckResult, GiveUp, Limits, Provider, RetryLater, hookimpl

if TYPE_CHECKING:
    from drena.api import CheckContext, Context

TICKS = """
create table if not exists ticks (
    job_id uuid not null, page integer not null, token bigint not null, pid integer not null,
    at timestamptz not null default clock_timestamp()
)
"""
TICK = "insert into ticks (job_id, page, token, pid) select id, $2, lease_token, $3 from integration_jobs where id = $1"


class Orders(msgspec.Struct, frozen=True, kw_only=True):
    """A job's payload."""

    pages: int = 3
    pace_s: float = 0.0
    """Before each page."""
    mode: Literal["", "fail", "bug", "give_up", "hang", "deaf", "block", "crash", "hold", "eat"] = ""
    """What goes wrong: `deaf` ignores cancellation, `block` lets nothing else run, `hold` sleeps inside the
    transaction, `crash` kills its node, `eat` takes all the memory there is."""
    page: int = 1
    """The page at which it goes wrong."""
    attempts: int = 1_000_000
    """How many attempts it goes wrong for."""
    for_s: float = 3600.0
    """How long `hang`, `deaf`, `block` and `hold` last."""
    url: str = ""
    """What is asked for at each page, if anything."""


class Ticker(Provider):
    """The provider `ticker`."""

    slug = "ticker"
    name = "Ticker"
    limits = Limits(no_progress_s=float(os.environ.get("TICKER_NO_PROGRESS_S", "900")), max_attempts=5)

    async def check(self, ctx: CheckContext) -> CheckResult:
        return CheckResult(ok=True, message="it ticks")

    async def run(self, ctx: Context) -> Any:
        orders = msgspec.convert(dict(ctx.job.payload), Orders)
        write_down(ctx, "started")
        try:
            first = (ctx.checkpoint or {"page": 0})["page"] + 1
            for page in range(first, orders.pages + 1):
                await trio.sleep(orders.pace_s)
                wrong = orders.mode if page == orders.page and ctx.job.attempt <= orders.attempts else ""
                await misbehave(wrong, orders.for_s)
                if orders.url:
                    await ctx.http.get(orders.url)
                async with ctx.transaction() as transaction:
                    await transaction.execute(TICK, ctx.job.id, page, os.getpid())
                    if wrong == "hold":
                        await trio.sleep(orders.for_s)
                    transaction.checkpoint({"page": page})
                    transaction.count("ticks", read=1)
                ctx.progress(page, orders.pages)
        finally:
            write_down(ctx, "stopped")
        return {"pages": orders.pages}


async def misbehave(mode: str, for_s: float) -> None:
    if mode == "fail":
        raise RetryLater(None, "told to fail")
    if mode == "bug":
        raise ZeroDivisionError("told to have a bug")
    if mode == "give_up":
        raise GiveUp("told_to", "told to give up")
    if mode == "hang":
        await trio.sleep(for_s)
    if mode == "deaf":
        with trio.move_on_after(for_s, shield=True):
            await trio.sleep_forever()
    if mode == "block":
        time.sleep(for_s)  # noqa: ASYNC251  # as a provider does that forgot where it is
    hoard = []
    while mode == "eat":
        hoard.append(b"x" * 2**24)
        await trio.lowlevel.checkpoint()
    if mode == "crash":
        os.kill(os.getpid(), signal.SIGKILL)


def write_down(ctx: Context, event: str) -> None:
    """One line of the journal, written by one call, so that lines of many processes do not mix."""
    if (journal := os.environ.get("TICKER_JOURNAL")) is None:
        return
    line = {"at": time.monotonic(), "pid": os.getpid(), "job": str(ctx.job.id), "event": event}
    handle = os.open(journal, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    try:
        os.write(handle, json.dumps(line).encode() + b"\n")
    finally:
        os.close(handle)


@hookimpl
def drena_providers() -> list[Provider]:
    return [Ticker()]
