"""Secrets stay secret, and what an operator got wrong is named."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

import httpx2
import msgspec
import pytest
import trio

from drena.plugins import PluginFault, check_provider, load_plugins
from drena.secrets import variable_name
from drena.testing.conformance.subject import Line, Subject, fail
from drena.testing.database import statement
from drena.testing.running import check_once
from drena.testing.witness import Account
from drena.testing.workbench import TENANT

if TYPE_CHECKING:
    from drena.testing import Answer, Conversation, Database, Seen

WRONG: Final[tuple[Any, ...]] = ({"wrong": ["drena.testing"]}, ["drena.testing", {}], "drena.testing", -1.5)
"""Values to try for a setting until its type refuses one."""


class Manners(Subject):
    """See the head of this file."""

    async def test_secrets_never_leak(self, drena_suite_database: Database, autojump_clock: object) -> None:
        """A good run, and one whose answers refuse and repeat what was sent: the provider says no secret."""
        if not self.provider.secrets:
            pytest.skip("the provider has no secrets")
        await self.run_whole(drena_suite_database)
        for talk in (self.conversation(), self.conversation().override(_echoing)):
            account = Account()
            async with self.open_job(drena_suite_database, Line(talk)) as bench:
                with _logging_to(account):
                    await bench.attempt(account)
            for where, text in account.said:
                self._look(where, text)
            await self._search(drena_suite_database)

    def _look(self, where: str, text: str) -> None:
        for name, value in self.secrets.items():
            if value in text:
                fail(
                    f"The secret {name!r} is in {where}: {text.replace(value, '<the secret>')[:200]!r}. Drena masks "
                    "what it recognises; do not rely on it.",
                    "say what happened without repeating requests, headers, URLs or answers whole.",
                )

    async def _search(self, database: Database) -> None:
        for table in await database.fetch(statement("list_tables")):
            for name, value in self.secrets.items():
                query = statement("find_text").replace("a_table", table["name"])
                (found,) = await database.fetch(query, value)
                if found["n"]:
                    fail(
                        f"The secret {name!r} is in a row of {table['name']}.",
                        "store no requests, headers or answers that repeat the credential.",
                    )

    async def test_bad_settings_are_named(self, drena_suite_database: Database, autojump_clock: object) -> None:
        """A setting of a wrong type, and each of `bad_settings`, ends the job as `config_invalid` with its name."""
        fields = msgspec.structs.fields(self.provider.settings)
        bad = [{field.encode_name: _wrong_for(field.type)} for field in fields]
        for change in [*bad, *self.bad_settings]:
            if not change:
                fail(
                    "`bad_settings` holds an empty change: each is laid over `settings`, and this one spoils nothing.",
                    "name a setting and a value to refuse, or msgspec.UNSET to leave it out; one without a default is "
                    "no matter, for Drena itself refuses a job without it.",
                )
            settings = {
                name: value for name, value in {**self.settings, **change}.items() if value is not msgspec.UNSET
            }
            line = Line(self.conversation())
            async with self.open_job(drena_suite_database, line, settings=settings) as bench:
                await bench.attempt()
                state = await bench.state()
            self._judge_settings(change, state.code, state.message or "")

    def _judge_settings(self, change: Mapping[str, Any], code: str | None, message: str) -> None:
        name, value = next(iter(change.items()))
        case = f"Without the setting {name}" if value is msgspec.UNSET else f"With the setting {name} = {value!r}"
        if code != "config_invalid":
            fail(
                f"{case} the job ended with code {code!r}, not 'config_invalid'.",
                f"give {name!r} a type, with Annotated[..., msgspec.Meta(ge=..., pattern=...)] for its bounds, or "
                'check it in run() and raise GiveUp("config_invalid", ...).',
            )
        if not any(each in message for each in change):
            fail(
                f"{case} the message names no setting: {message!r}.",
                "name the setting in the message, so that the operator need not guess.",
            )

    async def test_a_missing_secret_is_named(self, drena_suite_database: Database, autojump_clock: object) -> None:
        """Every secret that the provider reads is declared, and without it the job ends as `secret_missing`."""
        async with self.open_job(drena_suite_database, Line(self.conversation()), secrets={}) as bench:
            account = await bench.attempt()
            state = await bench.state()
        if undeclared := sorted(account.secrets - set(self.provider.secrets)):
            fail(
                f"The provider reads the secret {undeclared[0]!r}, which it does not declare: Drena cannot look for it "
                "before the attempt, nor tell a changed credential from the old one.",
                f"set `secrets = ({undeclared[0]!r}, ...)` on the provider.",
            )
        if not self.provider.secrets:
            return
        variables = [variable_name(self.provider.slug, name, TENANT) for name in self.provider.secrets]
        if state.code != "secret_missing" or not any(each in (state.message or "") for each in variables):
            fail(
                f"Without secrets the job ended as {state.status} with code {state.code!r}: {state.message}",
                "read secrets with ctx.secret(name) and let its GiveUp pass: it names the variable to set.",
            )

    async def test_progress_is_told_in_both_languages(
        self, drena_suite_database: Database, autojump_clock: object
    ) -> None:
        """Units and phases of the progress are words that the provider has in Portuguese and in English."""
        whole = await self.run_whole(drena_suite_database)
        if untold := sorted(whole.account.words - {word.key for word in self.provider.words}):
            fail(
                f"ctx.progress names {untold[0]!r}, which `words` does not say in Portuguese and English.",
                f'add Word("{untold[0]}", pt="...", en="...") to `words` of the provider.',
            )

    async def test_check_says_whether_it_works(self, autojump_clock: object) -> None:
        """`check` is content with the conversation, and not when every answer is 401; it raises only its errors."""
        good = await self._check(self.conversation())
        if not (good.ok and good.message.strip()):
            fail(
                f"check() is not content with the conversation: {good.message!r}.", "return CheckResult(ok=True, ...)."
            )
        refused = await self._check(self.conversation().override(_echoing))
        if refused.ok:
            fail(
                "check() says that all is well though every answer was 401.",
                'raise GiveUp("token_invalid", ...) or return CheckResult(ok=False, ...) with a sentence.',
            )
        for answer in (good, refused):
            self._look("the answer of check()", answer.message + str(answer.details))

    async def _check(self, talk: Conversation) -> Any:
        try:
            return await check_once(
                self.provider, transport=talk, settings=self.settings, secrets=self.secrets, base_url=self.base_url
            )
        except AssertionError:  # a request that nobody scripted
            raise
        except Exception as error:  # noqa: BLE001  # whatever it is, the author is told
            fail(f"check() raised {error!r}.", "raise GiveUp or RetryLater for what the outside system may answer.")

    async def test_the_host_takes_it(self) -> None:
        """The plugin host finds no fault with the provider, nor with the distribution that offers it."""
        await trio.lowlevel.checkpoint()
        try:
            check_provider(self.provider)
        except PluginFault as fault:
            fail(f"The plugin host refuses the provider: {fault}.", "correct it; `drena plugins` says the same.")
        if not self.entry_point:
            return
        reports = load_plugins().reports
        if not any(report.state == "ok" and self.provider.slug in report.providers for report in reports):
            skipped = "; ".join(f"{report.name}: {report.reason}" for report in reports if report.state == "skipped")
            fail(
                f"No installed plugin offers {self.provider.slug!r}. Skipped: {skipped or 'none'}.",
                'install your package (pip install -e .) with an entry point in the group "drena" whose module has a '
                "function drena_providers marked with drena.api.hookimpl.",
            )


def _wrong_for(kind: Any) -> Any:
    """A value that this type refuses; of a type that takes anything, the oddest."""
    for value in WRONG:
        try:
            msgspec.convert(value, kind)
        except msgspec.ValidationError:
            return value
    return WRONG[0]


def _echoing(_at: int, _seen: Seen, _answer: Answer) -> Answer:
    """An answer that refuses, and repeats what it was sent, as error pages do."""

    def echo(request: httpx2.Request) -> httpx2.Response:
        said = {"error": "unauthorized", "url": str(request.url), "headers": dict(request.headers)}
        return httpx2.Response(401, json=said)

    return echo


@contextmanager
def _logging_to(account: Account) -> Iterator[None]:
    """Note what goes to standard logging."""

    class Notes(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if not record.name.startswith(("httpx2", "httpcore2")):
                account.note(f"logging ({record.name})", record.getMessage())

    notes, root = Notes(), logging.getLogger()
    root.addHandler(notes)
    try:
        yield
    finally:
        root.removeHandler(notes)
