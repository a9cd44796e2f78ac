"""The provider as the daemon sees it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec

from drena.api import CheckResult, GiveUp, Limits, Provider, Word
from drena_bomcontrole.checkpoint import Checkpoint
from drena_bomcontrole.client import Client
from drena_bomcontrole.fees import batch_of
from drena_bomcontrole.payments import pull_payments
from drena_bomcontrole.push import Push
from drena_bomcontrole.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Mapping

    from drena.api import CheckContext, Context

LANES: Final = ("", "fees", "payments")


class BomControle(Provider):
    """BomControle: the fees of a month onto invoices, and payments back."""

    slug = "bomcontrole"
    name = "BomControle"
    category = "financeiro"
    version = "0.1.0"
    api = 1
    settings = Settings
    secrets = ("api_key",)
    dry_run = True
    words = (
        Word("companies", pt="empresas", en="companies"),
        Word("contracts", pt="contratos", en="contracts"),
        Word("fees", pt="honorários", en="fees"),
        Word("payments", pt="pagamentos", en="payments"),
    )
    limits = Limits(requests_per_minute=60, deadline_s=4 * 3600.0, no_progress_s=900.0, max_attempts=5)

    async def check(self, ctx: CheckContext) -> CheckResult:
        """Ask for one contract and say what the key sees."""
        seen = await Client(ctx).reachable_contracts()
        if seen == 0:
            return CheckResult(ok=False, message="A chave foi aceita, mas o BomControle não mostra nenhum contrato.")
        shown = "" if seen is None else f" e mostra {seen} contratos" if seen > 1 else " e mostra 1 contrato"
        return CheckResult(ok=True, message=f"A chave do BomControle funciona{shown}.", details={"contracts": seen})

    async def run(self, ctx: Context) -> Mapping[str, Any]:
        """Do what the lane names: push fees, pull payments, or without a lane both, when the payload has fees."""
        lane = ctx.job.lane
        if lane not in LANES:
            raise GiveUp(
                "lane_unknown",
                f"O BomControle não conhece a fila {lane!r}: há fees e payments, ou nenhuma (vazia) para tudo.",
            )
        batch = batch_of(ctx.job.payload)
        if lane == "fees" and batch is None:
            raise GiveUp("payload_invalid", "O pedido não traz honorários: informe `competencia` e `honorarios`.")
        client = Client(ctx)
        state = _committed(ctx)
        result: dict[str, Any] = {}
        if batch is not None and lane != "payments":
            push = Push(ctx, client, batch, state)
            result["fees"] = await push.run()
            state = push.state
        if lane != "fees":
            result["payments"] = await pull_payments(ctx, client, state)
        return result


def _committed(ctx: Context) -> Checkpoint:
    """The checkpoint of an earlier attempt.

    Raises:
        GiveUp: it cannot be read. To begin again could send a value twice.
    """
    if ctx.checkpoint is None:
        return Checkpoint()
    try:
        return msgspec.convert(ctx.checkpoint, Checkpoint)
    except msgspec.ValidationError as error:
        raise GiveUp(
            "checkpoint_unreadable", f"O ponto de retomada deste job não pode ser lido ({error}): peça um job novo."
        ) from error
