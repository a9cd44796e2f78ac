"""The provider as the daemon sees it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from drena.api import CheckResult, GiveUp, Limits, Provider, Word
from drena_onecode.answers import contact
from drena_onecode.settings import Settings
from drena_onecode.sync import Client, sync_contacts

if TYPE_CHECKING:
    from collections.abc import Mapping

    from drena.api import CheckContext, Context


class OneCode(Provider):
    """OneCode: the contacts of an office's WhatsApp helpdesk, linked to its companies by name."""

    slug = "onecode"
    name = "OneCode"
    category = "messaging"
    version = "0.1.0"
    api = 1
    settings = Settings
    secrets = ("token",)
    dry_run = True
    words = (Word("contacts", pt="contatos", en="contacts"),)
    limits = Limits(requests_per_minute=60, deadline_s=4 * 3600.0, no_progress_s=900.0, max_attempts=5)

    async def check(self, ctx: CheckContext) -> CheckResult:
        """Ask for the first page and say what the token sees."""
        rows = await Client(ctx).page(1)
        named = sum(contact(row) is not None for row in rows)
        if not named:
            message = "O token foi aceito, mas o OneCode não mostra nenhum contato com identificação e nome."
            return CheckResult(ok=False, message=message, details={"rows": len(rows)})
        shown = "1 contato" if named == 1 else f"{named} contatos"
        message = f"O token do OneCode funciona: a primeira página mostra {shown}."
        return CheckResult(ok=True, message=message, details={"contacts_on_first_page": named})

    async def run(self, ctx: Context) -> Mapping[str, Any]:
        """Match contacts to companies."""
        if ctx.job.lane not in {"", "contacts"}:
            raise GiveUp(
                "lane_unknown", f"O OneCode não conhece a fila {ctx.job.lane!r}: há contacts, ou nenhuma (vazia)."
            )
        return await sync_contacts(ctx)
