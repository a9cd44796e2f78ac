"""Pulling payments: what BomControle says of the invoices of the last months that are not known to be paid.

One request a contract, over all the months at once. A contract that the API does not answer for is counted and left
for the next job; trouble ends the attempt, and the next one goes on behind the last contract committed.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any, Final

import msgspec

from drena.api import Counters
from drena_bomcontrole.answers import Refused
from drena_bomcontrole.fees import month_of
from drena_bomcontrole.ledger import settle_invoices, unpaid_contracts, write_log

if TYPE_CHECKING:
    from drena.api import Context
    from drena_bomcontrole.checkpoint import Checkpoint
    from drena_bomcontrole.client import Client
    from drena_bomcontrole.fees import Month

ENTITY: Final = "payments"
OFFICE_ZONE: Final = dt.timezone(dt.timedelta(hours=-3), "America/Sao_Paulo")


async def pull_payments(ctx: Context, client: Client, state: Checkpoint) -> dict[str, Any]:
    """Ask for every contract with unpaid invoices, from the checkpoint on; returns the result."""
    last = month_of(dt.datetime.now(OFFICE_ZONE).date())
    first = last.back(ctx.settings.months - 1)
    async with ctx.transaction() as tx:
        contracts = await unpaid_contracts(tx, ctx.tenant, first, last)
    behind = (len(state.payments.after), state.payments.after)
    contracts = [each for each in contracts if (len(each[0]), each[0]) > behind]
    total = state.payments.contracts + len(contracts)
    ctx.log.info("leitura dos pagamentos", contracts=len(contracts), first=str(first), last=str(last))
    for contract, _ in contracts:
        state = await _pull(ctx, client, state, contract, first, last)
        done = state.payments
        message = f"{done.paid} faturas pagas em {done.contracts} contratos"
        ctx.progress(done.contracts, total, unit="contracts", phase=ENTITY, message=message)
    counters = ctx.counters.get(ENTITY, Counters())
    told = {name: value for name, value in msgspec.to_builtins(state.payments).items() if name != "after"}
    return {"entity": ENTITY, "months": [str(first), str(last)], **msgspec.to_builtins(counters), **told}


async def _pull(
    ctx: Context, client: Client, state: Checkpoint, contract: str, first: Month, last: Month
) -> Checkpoint:
    until = last.last + dt.timedelta(days=ctx.settings.grace_days)
    found = await client.invoices(contract, first.first, until)
    refused = isinstance(found, Refused)
    async with ctx.transaction() as tx:
        invoices = [] if isinstance(found, Refused) else found
        read, paid, missing = await settle_invoices(tx, ctx.tenant, contract, first, last, invoices)
        await write_log(
            tx,
            ctx.tenant,
            month=None,
            company=None,
            action="pull_payments",
            ok=not refused,
            request={"contrato": contract, "de": str(first.first), "ate": str(until)},
            response={"status": found.status} if isinstance(found, Refused) else {"faturas": read, "pagas": paid},
        )
        tx.count(ENTITY, read=read, updated=paid, skipped=0 if refused else read - paid, errors=read if refused else 0)
        old = state.payments
        pulled = msgspec.structs.replace(
            old,
            after=contract,
            contracts=old.contracts + 1,
            read=old.read + read,
            paid=old.paid + paid,
            missing=old.missing + (0 if refused else missing),
            refused=old.refused + int(refused),
        )
        state = msgspec.structs.replace(state, payments=pulled)
        tx.checkpoint(state)
    if isinstance(found, Refused):
        ctx.log.warning("um contrato não pôde ser lido", contract=contract, reason=found.words)
    return state
