"""The sync of contacts: page by page, matched in a thread, written in one statement a page, resumable at any point.

The list never says how long it is. An empty page ends it only when a second, spaced request for it is empty too; a page
that holds exactly the rows of an earlier one, or a list without end, fails the run.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

import msgspec
import trio

from drena.api import Counters, GiveUp
from drena_onecode.address import contacts_page, repair
from drena_onecode.answers import contact, rows_of
from drena_onecode.checkpoint import Checkpoint, page_digest
from drena_onecode.matching import Directory
from drena_onecode.mirror import companies_of, write_matches

if TYPE_CHECKING:
    from drena.api import CheckContext, Context
    from drena_onecode.answers import Contact
    from drena_onecode.settings import Settings

ENTITY: Final = "contacts"
_BEARER: Final = re.compile(r"bearer\s+", re.IGNORECASE)
_TOKEN: Final = re.compile(r"[!-~]+")


class Client:
    """The API as one office sees it.

    Raises:
        GiveUp: `secret_missing`, `token_invalid` or `config_invalid`, before any request.
    """

    def __init__(self, ctx: CheckContext) -> None:
        self._http = ctx.http
        self._settings: Settings = ctx.settings
        self._base = repair(ctx.base_url)
        token = _BEARER.sub("", ctx.secret("token").strip())
        if not _TOKEN.fullmatch(token):
            raise GiveUp(
                "token_invalid",
                "O token do OneCode está vazio ou tem espaços ou acentos: copie-o de novo, por inteiro.",
            )
        self._headers = {"Authorization": f"Bearer {token}", "Accept": "application/json"}

    async def page(self, number: int) -> list[Any]:
        """The rows of a page; none only when it is empty twice."""
        rows = await self._ask(number)
        if not rows:
            await trio.sleep(self._settings.confirm_delay_s)
            rows = await self._ask(number)
        return rows

    async def _ask(self, number: int) -> list[Any]:
        response = await self._http.get(
            contacts_page(self._base, number, self._settings.page_size), headers=self._headers
        )
        return rows_of(response.status_code, response.content, retry_after=response.headers.get("Retry-After"))


class ContactsSync:
    """One attempt.

    Args:
        ctx: of the attempt.
        state: where the job stands; moves with every page.
    """

    def __init__(self, ctx: Context, state: Checkpoint) -> None:
        self._ctx = ctx
        self._state = state
        self._seen = set(state.last_page)

    async def run(self) -> dict[str, Any]:
        """Read the list to its end; returns the result.

        Raises:
            GiveUp: the list is not to be trusted, or the token not accepted. Pages written before stay written.
            RetryLater: the API is in trouble.
        """
        client = Client(self._ctx)
        settings: Settings = self._ctx.settings
        async with self._ctx.transaction() as tx:
            companies = await companies_of(tx, self._ctx.tenant.id)
        directory = Directory(companies, link_at=settings.link_at, review_at=settings.review_at)
        page = max(1, self._state.next_page - 1)  # contacts that were removed moved the others forward
        self._ctx.log.info("leitura dos contatos", from_page=page, companies=len(companies))
        while rows := await client.page(page):
            digest = self._judge(page, rows)
            await self._write(page, digest, rows, directory)
            page += 1
        return self._result(page - 1)

    def _judge(self, page: int, rows: list[Any]) -> str:
        if page > self._ctx.settings.max_pages:
            raise GiveUp(
                "too_many_pages",
                f"A lista de contatos passou de {self._ctx.settings.max_pages} páginas; a leitura foi interrompida.",
            )
        digest = page_digest(rows)
        if (earlier := self._state.repeats(page, digest)) is not None:
            raise GiveUp(
                "pagination_repeated",
                f"O OneCode devolveu na página {page} exatamente os contatos da página {earlier}: "
                "a paginação não está funcionando, e a leitura foi interrompida.",
            )
        return digest

    async def _write(self, page: int, digest: str, rows: list[Any], directory: Directory) -> None:
        """Match a page, and write it with the counters and the checkpoint in one transaction."""
        state, reread = self._state, page < self._state.next_page
        found = [contact(row) for row in rows]
        fresh: dict[str, Contact] = {each.id: each for each in found if each is not None and each.id not in self._seen}
        anonymous = 0 if reread else found.count(None)
        repeated = 0 if reread else len(found) - found.count(None) - len(fresh)
        matches = await self._ctx.to_thread(directory.match, list(fresh.values()))
        async with self._ctx.transaction() as tx:
            written = await write_matches(tx, self._ctx.tenant.id, matches)
            tallies = state.tallies.after(written, anonymous=anonymous, repeated=repeated)
            ids = [each.id for each in found if each is not None]
            state = state.after(page, digest, ids, len(fresh) + anonymous, tallies)
            changed = written.linked + written.followed
            tx.count(
                ENTITY,
                read=len(fresh) + anonymous,
                created=written.asked,
                updated=changed,
                skipped=len(fresh) - written.asked - changed,
                errors=anonymous,
            )
            tx.checkpoint(state)
        self._state = state
        self._seen |= fresh.keys()
        if anonymous:
            self._ctx.log.warning("contatos sem identificação ou sem nome: ignorados", page=page, rows=anonymous)
        message = f"{state.read} contatos lidos, {state.tallies.linked} vinculados"
        self._ctx.progress(state.read, unit="contacts", phase=ENTITY, message=message)

    def _result(self, pages: int) -> dict[str, Any]:
        state = self._state
        if state.read == 0:
            raise GiveUp("nothing_read", "O OneCode não mostrou nenhum contato: confira o token e o endereço.")
        if state.read == state.tallies.anonymous:
            raise GiveUp(
                "nothing_usable",
                f"O OneCode mostrou {state.read} contatos, nenhum com identificação e nome: o formato pode ter mudado.",
            )
        counters = self._ctx.counters.get(ENTITY, Counters())
        return {
            "entity": ENTITY,
            "pages": pages,
            **msgspec.to_builtins(counters),
            **msgspec.to_builtins(state.tallies),
        }


async def sync_contacts(ctx: Context) -> dict[str, Any]:
    """Match the office's contacts, from the checkpoint on."""
    state = Checkpoint()
    if ctx.checkpoint is not None:
        try:
            state = msgspec.convert(ctx.checkpoint, Checkpoint)
        except msgspec.ValidationError as error:
            ctx.log.warning("ponto de retomada ilegível: a leitura recomeça do início", problem=str(error))
    return await ContactsSync(ctx, state).run()
