"""Asking the API for pages of companies and deliveries, and reading ahead of the writer.

Pace, retries and timeouts are the daemon's (`Context.http`); this module adds the address, the token and what the
answers mean.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Final

import msgspec
import trio

from drena.api import GiveUp, RetryLater
from drena_acessorias.address import companies_page, deliveries_page, repair
from drena_acessorias.answers import Nothing, Read, Rows, classify
from drena_acessorias.delivery_rows import flat
from drena_acessorias.office_clock import server_offset
from drena_acessorias.pages import AskAgain, End, Take, Walk
from drena_acessorias.rows import opened

if TYPE_CHECKING:
    from drena.api import CheckContext
    from drena_acessorias.delivery_plan import Reach
    from drena_acessorias.settings import Settings

Reading = Take | End | GiveUp | RetryLater
"""What travels from the reader to the writer. Trouble takes its turn behind the pages read before it."""

Ask = Callable[[int], Awaitable[Rows | Nothing]]
"""Asks for one page of a list, by its number."""

_DOUBLINGS: Final = 5
"""With the wait of `confirm_delay_s` as it is by itself, three seconds, a minute and a half in all."""
_BEARER: Final = re.compile(r"bearer\s+", re.IGNORECASE)
_TOKEN: Final = re.compile(r"[!-~]+")


class Client:
    """The API as one office sees it.

    Raises:
        GiveUp: `secret_missing`, `token_invalid` or `config_invalid`, before any request.
    """

    def __init__(self, ctx: CheckContext) -> None:
        self._http = ctx.http
        self._pace = ctx.pace
        self._log = ctx.log
        self._settings: Settings = ctx.settings
        self._base = repair(ctx.base_url)
        self._token = _clean_token(ctx.secret("token"))
        self.offset: dt.timedelta | None = None
        """How far the server's clock is ahead of ours, by its last answer; None when it does not say."""

    async def companies(self, page: int) -> Rows | Nothing:
        """Ask for one page of companies, once. Raises what `classify` and `Context.http` raise."""
        return await self._ask(companies_page(self._base, page, self._settings.include), opened)

    async def deliveries(self, document: str | None, reach: Reach, since: str | None, page: int) -> Rows | Nothing:
        """Ask for one page of deliveries, once, as single rows; of all companies when `document` is None."""
        address = deliveries_page(self._base, document, page, first=reach.first, last=reach.last, since=since)
        return await self._ask(address, flat)

    async def _ask(self, address: str, read: Read) -> Rows | Nothing:
        response = await self._http.get(address, headers={"Authorization": f"Bearer {self._token}"})
        self.offset = server_offset(response.headers.get("Date"), dt.datetime.now(dt.UTC)) or self.offset
        answer = classify(response.status_code, response.content, read, retry_after=response.headers.get("Retry-After"))
        if isinstance(answer, Nothing):
            return msgspec.structs.replace(answer, text=answer.text.replace(self._token, "…"))
        return answer

    async def next_step(self, walk: Walk, ask: Ask | None = None) -> Take | End:
        """Ask until the page is certain: a full page, or the end of the list seen twice.

        The API may go on for a minute answering emptiness in place of 429, longer than one would wait between two
        requests. So the second request stands between two for a page that is known not to be empty, the first of the
        companies: the end is believed only when that one was shown before and after it. Before there is any such page,
        only time stands between them.

        Args:
            walk: where the reading of the list stands.
            ask: for one page by its number; `companies` unless it says otherwise.

        Raises:
            RetryLater: `throttled_silently`: what is there is not shown.
        """
        witnessed = ask is not None or walk.page > 1
        ask = ask or self.companies
        while True:
            step = walk.step(await ask(walk.page))
            if isinstance(step, AskAgain):
                self._log.debug("página vazia: perguntando de novo", page=step.page)
                again_at = trio.current_time() + self._settings.confirm_delay_s
                if witnessed:
                    await self._until_shown()
                await trio.sleep_until(again_at)
                continue
            if isinstance(step, End) and witnessed and not await self._shown():
                await self._until_shown()
                continue
            if isinstance(step, Take) and step.throttled:
                self._pace.slower(f"a página {step.page} veio vazia e, pedida de novo, cheia")
                self._log.warning(
                    "o Acessórias está limitando sem avisar: página vazia que depois veio cheia", page=step.page
                )
            return step

    async def _until_shown(self) -> None:
        """Wait, ever longer, until the API shows what is there."""
        waits_s = [self._settings.confirm_delay_s * 2**doubling for doubling in range(_DOUBLINGS)]
        for wait_s in [0.0, *waits_s]:
            await trio.sleep(wait_s)
            if await self._shown():
                return
            self._pace.slower("a primeira página das empresas veio vazia")
        raise RetryLater(
            None,
            "O Acessórias responde vazio até onde há dados: está limitando as requisições sem avisar.",
            code="throttled_silently",
        )

    async def _shown(self) -> bool:
        """Whether the API shows companies just now; taken for granted where the token may not see them."""
        try:
            return isinstance(await self._ask(companies_page(self._base, 1, ()), opened), Rows)
        except GiveUp as refusal:
            if refusal.code != "token_forbidden":
                raise
            return True

    async def read_ahead(self, walk: Walk, pages: trio.MemorySendChannel[Reading]) -> None:
        """Read pages into the channel; the last thing sent is the end of the list or the trouble that stopped it.

        A full channel blocks: the reader is never more than the channel's size, and the page it holds, ahead.
        """
        try:
            while not isinstance(step := await self.next_step(walk), End):
                try:
                    pages.send_nowait(step)  # the request was checkpoint enough
                except trio.WouldBlock:
                    await pages.send(step)
            await pages.send(step)
        except (GiveUp, RetryLater) as trouble:
            await pages.send(trouble)


def _clean_token(secret: str) -> str:
    """The bare token: people paste it with a line break, or with the word Bearer."""
    token = _BEARER.sub("", secret.strip())
    if not _TOKEN.fullmatch(token):
        raise GiveUp(
            "token_invalid", "O token do Acessórias está vazio ou tem espaços ou acentos: copie-o de novo, por inteiro."
        )
    return token
