"""The provider as the daemon sees it."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any, Final

from drena.api import CheckResult, GiveUp, Limits, Provider, Word
from drena_acessorias.answers import Nothing
from drena_acessorias.checkpoint import Checkpoint
from drena_acessorias.client import Client
from drena_acessorias.companies import committed, sync_companies
from drena_acessorias.deliveries import sync_deliveries
from drena_acessorias.delivery_plan import reach_of
from drena_acessorias.office_clock import earliest
from drena_acessorias.pages import End, Walk
from drena_acessorias.rows import company
from drena_acessorias.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Mapping

    from drena.api import CheckContext, Context

LANES: Final = ("companies", "deliveries")

_PACE_S = 1.4
"""Seconds a request. Measured by public clients: 60 requests a minute draw 429 for half the calls, 45 for none, and
clients that live long keep 1.4 s. The documented limit of 100 is not there."""


class Acessorias(Provider):
    """Acessórias: the companies of an accounting office, and what is due for them."""

    slug = "acessorias"
    name = "Acessórias"
    category = "fiscal"
    version = "0.1.0"
    api = 1
    settings = Settings
    secrets = ("token",)
    dry_run = True
    words = (
        Word("companies", pt="empresas", en="companies"),
        Word("deliveries", pt="entregas", en="deliveries"),
    )
    limits = Limits(requests_per_minute=60 / _PACE_S, deadline_s=4 * 3600.0, no_progress_s=900.0, max_attempts=5)

    async def check(self, ctx: CheckContext) -> CheckResult:
        """Ask for the first page and say what the token sees."""
        client = Client(ctx)
        step = await client.next_step(Walk(start=1, cap=1))
        if isinstance(step, End):
            return CheckResult(ok=False, message=_why_empty(step.nothing), details={"form": step.nothing.form})
        deliveries = await _deliveries_seen(client, ctx.settings, step.rows)
        masked = sorted({field for row in step.rows for field in row.masked})
        unseen = f", mas não vê {', '.join(masked)} (mascarado)" if masked else " e nenhum campo está mascarado"
        shown = "1 empresa" if len(step.rows) == 1 else f"{len(step.rows)} empresas"
        return CheckResult(
            ok=True,
            message=f"O token funciona: a primeira página mostra {shown}{unseen}{_DELIVERIES[deliveries]}.",
            details={"companies_on_first_page": len(step.rows), "masked": masked, "deliveries": deliveries},
        )

    async def run(self, ctx: Context) -> Mapping[str, Any]:
        """Mirror what the job's lane names: companies, deliveries, or (without a lane) both, one after the other."""
        entities = _entities(ctx.job.lane, ctx.settings)
        result: dict[str, Any] = {}
        if "companies" in entities:
            result = await sync_companies(ctx)
        if "deliveries" in entities:
            base = committed(ctx) or Checkpoint(known=0)
            found = await sync_deliveries(ctx, base)
            result = {**result, "deliveries": found} if result else found
        return result


_DELIVERIES: Final = {
    "seen": "; as entregas também aparecem",
    "none": "; a primeira empresa não mostra entregas no período",
    "forbidden": "; as entregas não: falta a permissão (403)",
    "not_asked": "",
}


async def _deliveries_seen(client: Client, settings: Settings, rows: list[Any]) -> str:
    """Whether the token sees the deliveries of the first company that can be asked for: a key of `_DELIVERIES`."""
    companies = (company(row) for row in rows)
    found = next((each.document for each in companies if each is not None and each.document is not None), None)
    if found is None:
        return "not_asked"
    reach = reach_of(settings, earliest(dt.datetime.now(dt.UTC), client.offset).date())
    try:
        answer = await client.deliveries(found, reach, None, 1)
    except GiveUp as refusal:
        if refusal.code != "token_forbidden":
            raise
        return "forbidden"
    return "none" if isinstance(answer, Nothing) else "seen"


def _entities(lane: str, settings: Settings) -> tuple[str, ...]:
    """What a lane stands for.

    Raises:
        GiveUp: `lane_unknown`.
    """
    if lane in LANES:
        return (lane,)
    if lane == "":
        return settings.entities
    raise GiveUp(
        "lane_unknown",
        f"O Acessórias não conhece a fila {lane!r}: há {' e '.join(LANES)}, ou nenhuma (vazia) para tudo.",
    )


def _why_empty(nothing: Nothing) -> str:
    if nothing.form == "Erro":
        return f"O Acessórias respondeu com um erro: {nothing.text or 'sem texto'}"
    return f"O token foi aceito, mas o Acessórias não mostra nenhuma empresa (resposta: {nothing.form})."
