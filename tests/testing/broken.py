"""Providers with one fault each, as people really write them. All else is `Customers`."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

import msgspec
import trio

import asyncpg_trio
from drena.api import CheckResult, GiveUp, ProviderUnreachable, RetryLater
from drena.testing import real_time
from testing.customers import WRITE, Customers, Page

if TYPE_CHECKING:
    from drena.api import CheckContext, Context

THE_END = Page(customers=[], last=True)


class ZombieWriter(Customers):
    url = ""

    async def write(self, ctx: Context, number: int, page: Page) -> None:
        with real_time():
            async with asyncpg_trio.connect(self.url) as conn:
                await conn.execute(WRITE, ctx.tenant.id, msgspec.json.encode(page.customers).decode())
        with suppress(Exception):
            async with ctx.transaction() as tx:
                tx.checkpoint({"page": number, "last": page.last})


class SwallowsTheFence(Customers):
    async def write(self, ctx: Context, number: int, page: Page) -> None:
        try:
            await super().write(ctx, number, page)
        except Exception:  # noqa: BLE001
            ctx.log.warning("page not written", page=number)


class SwallowsCancellation(Customers):
    async def page(self, ctx: CheckContext, number: int) -> Page:
        try:
            return await super().page(ctx, number)
        except BaseException as error:
            raise RetryLater(None, "Erro inesperado.") from error  # noqa: ASYNC104


class CannotBeCancelled(Customers):
    async def page(self, ctx: CheckContext, number: int) -> Page:
        with trio.CancelScope(shield=True):
            return await super().page(ctx, number)


class LogsItsToken(Customers):
    async def page(self, ctx: CheckContext, number: int) -> Page:
        ctx.log.info("asking", headers={"Authorization": ctx.secret("token")})
        return await super().page(ctx, number)


class RaisesItsToken(Customers):
    async def page(self, ctx: CheckContext, number: int) -> Page:
        answer = await ctx.http.get(
            "https://api.test/customers",
            params={"page": number},
            headers={"Authorization": f"Bearer {ctx.secret('token')}"},
        )
        if answer.status_code == 401:
            raise GiveUp("token_invalid", f"Recusado: {answer.text}")
        return msgspec.json.decode(answer.content, type=Page)


class StoresItsToken(Customers):
    async def write(self, ctx: Context, number: int, page: Page) -> None:
        for each in page.customers:
            each["name"] += f" via https://api.test/?key={ctx.secret('token')}"
        await super().write(ctx, number, page)


class GoesBack(Customers):
    async def write(self, ctx: Context, number: int, page: Page) -> None:
        async with ctx.transaction() as tx:
            await tx.execute(WRITE, ctx.tenant.id, msgspec.json.encode(page.customers).decode())
            tx.checkpoint({"page": 1 if number == 3 else number, "last": page.last})


class BeginsAgain(Customers):
    def start(self, ctx: Context) -> int:
        return 1


class SavesBeforeItWrites(Customers):
    async def write(self, ctx: Context, number: int, page: Page) -> None:
        async with ctx.transaction() as tx:
            tx.checkpoint({"page": number, "last": page.last})
        async with ctx.transaction() as tx:
            await tx.execute(WRITE, ctx.tenant.id, msgspec.json.encode(page.customers).decode())


class CannotResumeAtTheEnd(Customers):
    def start(self, ctx: Context) -> int:
        if ctx.checkpoint is not None and ctx.checkpoint["last"]:
            raise ValueError("nothing left")
        return super().start(ctx)


class TakesRefusalForTheEnd(Customers):
    async def page(self, ctx: CheckContext, number: int) -> Page:
        try:
            return await super().page(ctx, number)
        except RetryLater:
            return THE_END


class TakesCutForTheEnd(Customers):
    async def page(self, ctx: CheckContext, number: int) -> Page:
        try:
            return await super().page(ctx, number)
        except RetryLater as error:
            if error.code == "answer_invalid":
                return THE_END
            raise


class TakesSilenceForTheEnd(Customers):
    async def page(self, ctx: CheckContext, number: int) -> Page:
        try:
            return await super().page(ctx, number)
        except ProviderUnreachable:
            return THE_END


class FallsOverACutBody(Customers):
    async def page(self, ctx: CheckContext, number: int) -> Page:
        try:
            return await super().page(ctx, number)
        except RetryLater as error:
            raise error.__cause__ or error from None


class AsksForEver(Customers):
    async def page(self, ctx: CheckContext, number: int) -> Page:
        while True:
            try:
                return await super().page(ctx, number)
            except RetryLater:
                await trio.sleep(30)


class GivesUpAtOnce(Customers):
    async def page(self, ctx: CheckContext, number: int) -> Page:
        try:
            return await super().page(ctx, number)
        except RetryLater as error:
            raise GiveUp("api_error", error.reason) from error


class LooseSettings(msgspec.Struct):
    page_size: Any = 3


class TakesAnySetting(Customers):
    settings = LooseSettings


class HidesTheSetting(Customers):
    settings = LooseSettings

    async def run(self, ctx: Context) -> Any:
        if not isinstance(ctx.settings.page_size, int):
            raise GiveUp("config_invalid", "A configuração está errada.")
        return await super().run(ctx)


class DeclaresNoSecret(Customers):
    secrets = ()


class AlwaysContent(Customers):
    async def check(self, ctx: CheckContext) -> CheckResult:
        await ctx.http.get("https://api.test/customers", params={"page": 1})
        return CheckResult(ok=True, message="ok")


class SpeaksOneLanguage(Customers):
    words = ()


class BadLimits(Customers):
    secrets = ("Token",)
