"""How commands speak: in the language of `--lang` or of the locale, on standard output, and in their help."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Final

import click

from drena.texts import language_of, phrasebook

if TYPE_CHECKING:
    from collections.abc import Sequence

    from drena.texts import Language, Phrasebook

EXAMPLE: Final = "Example: "
ASIDE: Final = re.compile(r"  \[(.*)\]$")
"""What click adds to an option's help."""


def spoken() -> Language:
    """The language of the command that is running."""
    root = _root()
    chosen: Language | None = None if root is None else root.meta.get("drena.language")
    return chosen or language_of(os.environ)


def choose(ctx: click.Context, _option: click.Parameter, language: Language | None) -> None:
    """Callback of `--lang`."""
    ctx.find_root().meta["drena.language"] = language


def tell(sentence: str) -> str:
    """A sentence in the language that is spoken."""
    return _book().translate(sentence)


def say(*sentences: str) -> None:
    """Print sentences, each by itself translatable, as one line."""
    click.echo(" ".join(tell(sentence) for sentence in sentences))


def _root() -> click.Context | None:
    ctx = click.get_current_context(silent=True)
    return None if ctx is None else ctx.find_root()


def _book() -> Phrasebook:
    root = _root()
    if root is None:
        return phrasebook(spoken())
    book: Phrasebook = root.meta.setdefault(f"drena.phrasebook.{spoken()}", phrasebook(spoken()))
    return book


class Spoken(click.Command):
    """A command whose help is in the language that is spoken."""

    def get_short_help_str(self, limit: int = 45) -> str:  # noqa: ARG002  # a line is as long as it is
        """The first sentence of the help, as a list of commands shows it."""
        return "" if self.help is None else tell(paragraphs(self.help)[0]).rstrip(".")

    def format_usage(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        pieces = " ".join(tell(piece) for piece in self.collect_usage_pieces(ctx))
        formatter.write_usage(ctx.command_path, pieces, prefix=f"{tell('Usage')}: ")

    def format_help_text(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        for paragraph in paragraphs(self.help or ""):
            formatter.write_paragraph()
            with formatter.indentation():
                if paragraph.startswith(EXAMPLE):  # to be copied: never broken
                    formatter.write(f"{' ' * formatter.current_indent}{tell(paragraph)}\n")
                else:
                    formatter.write_text(tell(paragraph))

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Arguments are left out: the usage line and the text above have told of them."""
        params = [param for param in self.get_params(ctx) if isinstance(param, click.Option)]
        records = [record for param in params if (record := param.get_help_record(ctx)) is not None]
        _definitions("Options", [(names, _option_help(said)) for names, said in records], formatter)


class SpokenGroup(click.Group, Spoken):
    """A group of such commands."""

    command_class = Spoken
    group_class = type

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        commands = [(name, command) for name in self.list_commands(ctx) if (command := self.get_command(ctx, name))]
        rows = [(name, command.get_short_help_str()) for name, command in commands if not command.hidden]
        _definitions("Commands", rows, formatter)


def paragraphs(text: str) -> list[str]:
    """A help text's paragraphs, each on one line: the phrases that are translated."""
    return [" ".join(part.split()) for part in re.split(r"\n\s*\n", text.strip())]


def _option_help(said: str) -> str:
    aside = ASIDE.search(said)
    if aside is None:
        return tell(said)
    return f"{tell(said[: aside.start()])}  [{'; '.join(tell(part) for part in aside[1].split('; '))}]"


def _definitions(title: str, rows: Sequence[tuple[str, str]], formatter: click.HelpFormatter) -> None:
    if rows:
        with formatter.section(tell(title)):
            formatter.write_dl(rows)
