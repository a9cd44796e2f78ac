"""A conversation in a file: JSON that a person can read, review and correct."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final, Literal

import msgspec

FORMAT: Final = 1


class Exchange(msgspec.Struct, frozen=True, kw_only=True):
    """One request and its answer, without secrets. Headers of requests are not kept at all."""

    method: str
    path: str
    query: Mapping[str, str]
    status: int
    headers: Mapping[str, str]
    encoding: Literal["text", "base64"]
    body: str


class Tape(msgspec.Struct, frozen=True, kw_only=True):
    """The file."""

    format: int
    exchanges: list[Exchange]


def write_tape(file: Path, exchanges: Iterable[Exchange]) -> None:
    """Write a file that `read_tape` reads."""
    tape = Tape(format=FORMAT, exchanges=list(exchanges))
    file.write_bytes(msgspec.json.format(msgspec.json.encode(tape), indent=2) + b"\n")


def read_tape(file: Path) -> list[Exchange]:
    """The exchanges of a file.

    Raises:
        ValueError: it is no recorded conversation, or of another version of `drena.testing`; the file is named.
    """
    try:
        tape = msgspec.json.decode(file.read_bytes(), type=Tape)
    except msgspec.DecodeError as error:
        raise ValueError(f"{file} is no recorded conversation: {error}") from error
    if tape.format != FORMAT:
        raise ValueError(f"{file} has format {tape.format}; this drena.testing reads format {FORMAT}: record it again")
    return tape.exchanges
