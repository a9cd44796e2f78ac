"""Asking the API for pages of companies, and reading ahead of the writer.

Pace, retries and timeouts are the daemon's (`Context.http`); this module adds the address, the token and what the
answers mean.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

import msgspec
import trio

from drena.api import GiveUp, RetryLater
from drena_acessorias.address import companies_page, repair
from drena_acessorias.answers import Nothing, Rows, classify
from drena_acessorias.pages import AskAgain, End, Take, Walk

if TYPE_CHECKING:
    from drena.api import CheckContext
    from drena_acessorias.settings import Settings

Reading = Take | End | GiveUp | RetryLater
"""What travels from the reader to the writer. Trouble takes its turn behind the pages read before it."""

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

    async def companies(self, page: int) -> Rows | Nothing:
        """Ask for one page, once. Raises what `classify` and `Context.http` raise."""
        address = companies_page(self._base, page, self._settings.include)
        response = await self._http.get(address, headers={"Authorization": f"Bearer {self._token}"})
        answer = classify(response.status_code, response.content, retry_after=response.headers.get("Retry-After"))
        if isinstance(answer, Nothing):
            return msgspec.structs.replace(answer, text=answer.text.replace(self._token, "…"))
        return answer

    async def next_step(self, walk: Walk) -> Take | End:
        """Ask until the page is certain: a full page, or the end of the list seen twice."""
        while True:
            step = walk.step(await self.companies(walk.page))
            if isinstance(step, AskAgain):
                self._log.debug("página vazia: perguntando de novo", page=step.page)
                await trio.sleep(self._settings.confirm_delay_s)
                continue
            if isinstance(step, Take) and step.throttled:
                self._pace.slower(f"a página {step.page} veio vazia e, pedida de novo, cheia")
                self._log.warning(
                    "o Acessórias está limitando sem avisar: página vazia que depois veio cheia", page=step.page
                )
            return step

    async def read_ahead(self, walk: Walk, pages: trio.MemorySendChannel[Reading]) -> None:
        """Read pages into the channel; the last thing sent is the end of the list or the trouble that stopped it.

        A full channel blocks: the reader is never more than the channel's size, and the page it holds, ahead.
        """
        try:
            while not isinstance(step := await self.next_step(walk), End):
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
