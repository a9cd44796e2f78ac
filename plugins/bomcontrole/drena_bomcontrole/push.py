"""Pushing the fees of a month: company by company, each with its verdict in the transaction that moves the job on.

For each fee: find the company, its contract (`bc_contracts`, else a search by document), its invoice of the month, and
set the value. The rules of `decisions.py` hold over attempts: before a value is sent, what is sent and what was there
is committed with the checkpoint, so that an attempt that follows an unknown outcome reads before it writes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec

from drena.api import Counters, GiveUp
from drena_bomcontrole.answers import Refused
from drena_bomcontrole.client import Done, Unknown
from drena_bomcontrole.decisions import Send, Settled, decide, done
from drena_bomcontrole.ledger import companies_of, contract_of, keep_invoice, link, write_log

if TYPE_CHECKING:
    from drena.api import Context
    from drena_bomcontrole.checkpoint import Checkpoint
    from drena_bomcontrole.client import Client
    from drena_bomcontrole.decisions import Intent
    from drena_bomcontrole.fees import Batch, Fee
    from drena_bomcontrole.ledger import Company

ENTITY: Final = "fees"
MOST_TRIES: Final = 3
"""Values sent for one invoice in one attempt, each after a reading of its own."""


class Push:
    """One attempt.

    Args:
        ctx: of the attempt.
        client: the API.
        batch: the fees.
        state: where the job stands; moves with every fee.
    """

    def __init__(self, ctx: Context, client: Client, batch: Batch, state: Checkpoint) -> None:
        self._ctx = ctx
        self._client = client
        self._batch = batch
        self.state = state

    async def run(self) -> dict[str, Any]:
        """Push what is left; returns the result.

        Raises:
            GiveUp: not one fee found its invoice; or the key is refused.
            RetryLater: the API is in trouble; the fees before stay pushed.
        """
        fees = self._batch.fees
        async with self._ctx.transaction() as tx:
            companies = await companies_of(tx, self._ctx.tenant, fees)
        self._tell_progress()
        while (place := self.state.fees.next) < len(fees):
            await self._push(fees[place], companies.get(place))
            self._tell_progress()
        pushed = self.state.fees
        if not pushed.good:
            why = pushed.told[0].message if pushed.told else "veja o log"
            raise GiveUp(
                "no_fee_pushed",
                f"Nenhum dos {len(fees)} honorários de {self._batch.month} chegou a uma fatura. O primeiro: {why}.",
            )
        counters = self._ctx.counters.get(ENTITY, Counters())
        told = {name: value for name, value in msgspec.to_builtins(pushed).items() if name not in {"next", "intent"}}
        return {"entity": ENTITY, "competencia": str(self._batch.month), **told, **msgspec.to_builtins(counters)}

    async def _push(self, fee: Fee, company: Company | None) -> None:
        """Bring one fee to its verdict and commit that."""
        if company is None:
            await self._settle(fee, None, None, Settled(verdict="not_found", message="a empresa não está cadastrada"))
            return
        if fee.problem is not None:
            await self._settle(fee, company, None, Settled(verdict="failed", message=fee.problem))
            return
        contract = await self._contract(company)
        if isinstance(contract, Settled):
            await self._settle(fee, company, None, contract)
            return
        await self._settle(fee, company, contract, await self._write(fee, contract))

    async def _contract(self, company: Company) -> str | Settled:
        """The company's contract, by the link or by search; the link is kept for the next time."""
        async with self._ctx.transaction() as tx:
            linked = await contract_of(tx, self._ctx.tenant, company)
        if linked is not None:
            return linked
        if not company.document:
            return Settled(verdict="not_found", message="a empresa não tem CNPJ nem contrato vinculado")
        found = await self._client.contracts_of(company.document)
        if not found:
            return Settled(verdict="not_found", message="o BomControle não tem contrato com este documento")
        if len(found) > 1:
            numbers = ", ".join(found[:5])
            return Settled(
                verdict="failed",
                message=f"há {len(found)} contratos com este documento ({numbers}): vincule um em bc_contracts",
            )
        async with self._ctx.transaction() as tx:
            await link(tx, self._ctx.tenant, company, found[0])
        return found[0]

    async def _write(self, fee: Fee, contract: str) -> Settled:
        """Read, decide, send; after an unknown outcome from the start."""
        month = self._batch.month
        tries = 0
        while True:
            invoices = await self._client.invoices(contract, month.first, month.last)
            if isinstance(invoices, Refused):
                return Settled(verdict="failed", message=f"o contrato {contract}: {invoices.words}")
            step = decide(invoices, month, fee.amount, self.state.fees.intent)
            if isinstance(step, Settled):
                return step
            if self._ctx.dry_run:
                return done(step.invoice, step.intent)
            outcome = await self._send(step)
            if isinstance(outcome, Done):
                return done(step.invoice, step.intent)
            if isinstance(outcome, Refused):
                message = f"a fatura {step.invoice.id}: alteração {outcome.words}"
                return Settled(verdict="failed", message=message, invoice=step.invoice)
            if (tries := tries + 1) == MOST_TRIES:
                raise outcome.trouble

    async def _send(self, step: Send) -> Done | Refused | Unknown:
        """Commit what will be sent, then send it."""
        if self.state.fees.intent != step.intent:
            await self._intend(step.intent)
        return await self._client.set_value(step.invoice.id, step.intent.wanted)

    async def _intend(self, intent: Intent) -> None:
        fees = msgspec.structs.replace(self.state.fees, intent=intent)
        state = msgspec.structs.replace(self.state, fees=fees)
        async with self._ctx.transaction() as tx:
            tx.checkpoint(state)
        self.state = state

    async def _settle(self, fee: Fee, company: Company | None, contract: str | None, settled: Settled) -> None:
        """Commit the verdict with the invoice's row, a log line, the counters and the place behind this fee."""
        name = company.name if company is not None else (fee.document or str(fee.empresa_id))
        state = msgspec.structs.replace(self.state, fees=self.state.fees.after(settled, name))
        month, good = self._batch.month, settled.verdict not in {"failed", "not_found"}
        async with self._ctx.transaction() as tx:
            if company is not None and contract is not None:
                await keep_invoice(
                    tx,
                    self._ctx.tenant,
                    company,
                    month,
                    contract=contract,
                    invoice=settled.invoice,
                    synced=fee.amount if good else None,
                    status=settled.verdict,
                    message=settled.message,
                )
            await write_log(
                tx,
                self._ctx.tenant,
                month=month,
                company=fee.empresa_id if company is None else company.id,
                action="push_fee",
                ok=good,
                request={"valor": fee.amount, "contrato": contract, "documento": fee.document},
                response={
                    "verdict": settled.verdict,
                    "message": settled.message,
                    "fatura": settled.invoice.id if settled.invoice else None,
                    "valor_anterior": settled.invoice.valor if settled.invoice else None,
                },
            )
            tx.count(
                ENTITY,
                read=1,
                updated=int(settled.written),
                skipped=int(not settled.written and settled.verdict != "failed"),
                errors=int(settled.verdict == "failed"),
            )
            tx.checkpoint(state)
        self.state = state
        if settled.message:
            self._ctx.log.warning(
                "honorário: confira", company=name, verdict=settled.verdict, reason=settled.message, month=str(month)
            )

    def _tell_progress(self) -> None:
        place, total = self.state.fees.next, len(self._batch.fees)
        message = f"{place} de {total} honorários de {self._batch.month}"
        self._ctx.progress(place, total, unit="companies", phase=ENTITY, message=message)
