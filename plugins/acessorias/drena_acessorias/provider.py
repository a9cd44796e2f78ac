"""The provider as the daemon sees it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from drena.api import CheckResult, Limits, Provider
from drena_acessorias.answers import Nothing
from drena_acessorias.client import Client
from drena_acessorias.companies import sync_companies
from drena_acessorias.masks import masked_fields
from drena_acessorias.pages import End, Walk
from drena_acessorias.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Mapping

    from drena.api import CheckContext, Context

_PACE_S = 1.4
"""Seconds a request. Measured by public clients: 60 requests a minute draw 429 for half the calls, 45 for none, and
clients that live long keep 1.4 s. The documented limit of 100 is not there."""


class Acessorias(Provider):
    """Acessórias: the companies of an accounting office."""

    slug = "acessorias"
    name = "Acessórias"
    category = "fiscal"
    version = "0.1.0"
    api = 1
    settings = Settings
    secrets = ("token",)
    limits = Limits(requests_per_minute=60 / _PACE_S, deadline_s=4 * 3600.0, no_progress_s=900.0, max_attempts=5)

    async def check(self, ctx: CheckContext) -> CheckResult:
        """Ask for the first page and say what the token sees."""
        step = await Client(ctx).next_step(Walk(start=1, cap=1))
        if isinstance(step, End):
            return CheckResult(ok=False, message=_why_empty(step.nothing), details={"form": step.nothing.form})
        masked = sorted({field for row in step.rows if isinstance(row, dict) for field in masked_fields(row)})
        unseen = f", mas não vê {', '.join(masked)} (mascarado)" if masked else " e nenhum campo está mascarado"
        shown = "1 empresa" if len(step.rows) == 1 else f"{len(step.rows)} empresas"
        return CheckResult(
            ok=True,
            message=f"O token funciona: a primeira página mostra {shown}{unseen}.",
            details={"companies_on_first_page": len(step.rows), "masked": masked},
        )

    async def run(self, ctx: Context) -> Mapping[str, Any]:
        """Mirror the companies."""
        return await sync_companies(ctx)


def _why_empty(nothing: Nothing) -> str:
    if nothing.form == "Erro":
        return f"O Acessórias respondeu com um erro: {nothing.text or 'sem texto'}"
    return f"O token foi aceito, mas o Acessórias não mostra nenhuma empresa (resposta: {nothing.form})."
