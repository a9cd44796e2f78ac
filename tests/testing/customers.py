"""A provider as the author's page teaches it, its outside system by script, and ways to break it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import msgspec

from drena.api import CheckResult, GiveUp, Provider, RetryLater, Word
from drena.testing import Conversation

if TYPE_CHECKING:
    from drena.api import CheckContext, Context

PAGES = 4
SIZE = 3
TOKEN = "a-synthetic-token"
TABLE = """
create table if not exists customers (tenant_id uuid, id integer, name text, primary key (tenant_id, id))
"""
WRITE = """
insert into customers (tenant_id, id, name)
select $1, c.id, c.name from jsonb_to_recordset($2::text::jsonb) as c (id integer, name text)
on conflict (tenant_id, id) do update set name = excluded.name
"""


class Settings(msgspec.Struct, frozen=True):
    page_size: Annotated[int, msgspec.Meta(ge=1, le=100)] = SIZE


class Page(msgspec.Struct):
    customers: list[dict[str, Any]]
    last: bool


class Customers(Provider):
    slug = "customers"
    name = "Customers"
    version = "1"
    settings = Settings
    secrets = ("token",)
    words = (Word("pages", pt="páginas", en="pages"),)

    async def check(self, ctx: CheckContext) -> CheckResult:
        page = await self.page(ctx, 1)
        return CheckResult(ok=True, message=f"{len(page.customers)} customers on the first page.")

    async def run(self, ctx: Context) -> Any:
        number = self.start(ctx)
        while number:
            page = await self.page(ctx, number)
            await self.write(ctx, number, page)
            number = 0 if page.last else number + 1

    def start(self, ctx: Context) -> int:
        """The page to begin with; 0 when an attempt that was killed had written the last."""
        if ctx.checkpoint is None:
            return 1
        return 0 if ctx.checkpoint["last"] else ctx.checkpoint["page"] + 1

    async def page(self, ctx: CheckContext, number: int) -> Page:
        answer = await ctx.http.get(
            "https://api.test/customers",
            params={"page": number, "size": ctx.settings.page_size},
            headers={"Authorization": f"Bearer {ctx.secret('token')}"},
        )
        if answer.status_code in (401, 403):
            raise GiveUp("token_invalid", "O token não serve.")
        if answer.status_code != 200:
            raise RetryLater(None, f"HTTP {answer.status_code}")
        try:
            return msgspec.json.decode(answer.content, type=Page)
        except msgspec.DecodeError as error:
            raise RetryLater(None, "Resposta cortada.", code="answer_invalid") from error

    async def write(self, ctx: Context, number: int, page: Page) -> None:
        async with ctx.transaction() as tx:
            await tx.execute(WRITE, ctx.tenant.id, msgspec.json.encode(page.customers).decode())
            tx.count("customers", read=len(page.customers), created=len(page.customers))
            tx.checkpoint({"page": number, "last": page.last})
        ctx.progress(number, PAGES, unit="pages")
        ctx.log.info("page written", page=number)


def conversation() -> Conversation:
    """Four pages of three."""
    script = Conversation()
    for number in range(1, PAGES + 1):
        customers = [{"id": number * SIZE + each, "name": f"Customer {number}.{each}"} for each in range(SIZE)]
        body = {"customers": customers, "last": number == PAGES}
        script.answer("GET", "/customers", query={"page": number}, json=body)
    return script
