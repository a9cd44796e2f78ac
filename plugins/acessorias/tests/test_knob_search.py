"""A seeded search over the fake's knobs in combination: the mirror equals the source, or the job names its reason.

Never a silent truncation: whatever the knobs, a sync that says success has every company it could have been shown, and
one that fails says why. Each case prints its seed and knobs; `KNOB_CASES=500` searches longer than the tests do.
"""

from __future__ import annotations

import os
import random
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from drena.api import GiveUp, RetryLater
from drena_acessorias.documents import document
from drena_acessorias.settings import Settings

if TYPE_CHECKING:
    from fake_acessorias.launch import Fake

TOKEN = "synthetic-token"
CASES = int(os.environ.get("KNOB_CASES", "8"))
ATTEMPTS = 8
"""Of one job: knobs that count down are used up by then."""
LIES = {"skip_rows", "repeated_pages", "ignore_pagina"}
"""Knobs that keep rows from being served at all."""


def knobs_of(chance: random.Random) -> dict[str, Any]:
    """Some knobs, with values that a test can wait for."""
    offers: dict[str, Any] = {
        "fail_next": chance.randint(1, 4),
        "fail_every": chance.randint(2, 6),
        "fail_status": chance.choice([200, 429, 500, 502, 503]),
        "fail_body": chance.choice(["html", "json", "blank"]),
        "erro_next": chance.randint(1, 3),
        "erro_key": chance.choice(["Erro", "erro", "error", "msg", "message"]),
        "reset_next": chance.randint(1, 4),
        "cut_next": chance.randint(1, 4),
        "cut_every": chance.randint(3, 7),
        "truncate_next": chance.randint(1, 4),
        "truncate_every": chance.randint(3, 7),
        "requests_per_minute": chance.randint(4, 20),
        "rate_window_s": chance.choice([0.05, 0.2, 60.0]),
        "retry_after": chance.choice(["absent", "seconds", "date"]),
        "throttle_silently": chance.random() < 0.5,
        "end_of_list": chance.choice(["empty", "204", "404", "erro"]),
        "page_size": chance.choice([1, 7, 20, 50]),
        "short_pages": sorted(chance.sample(range(1, 6), 2)),
        "short_rows": chance.randint(1, 7),
        "empty_once_pages": sorted(chance.sample(range(1, 6), 2)),
        "repeat_rows": chance.randint(1, 5),
        "skip_rows": chance.randint(1, 3),
        "repeated_pages": [chance.randint(2, 4)],
        "ignore_pagina": True,
        "json_as_html": True,
        "masked": True,
        "empty_dates": chance.choice(["zero", "blank", "null", "absent"]),
        "empties": chance.choice(["blank", "null", "absent"]),
        "date_style": chance.choice(["iso", "brazilian"]),
        "duplicates": chance.randint(1, 8),
        "revoked": True,
        "forbidden": True,
    }
    return {name: offers[name] for name in chance.sample(sorted(offers), chance.randint(1, 6))}


def expected(companies: list[dict[str, Any]]) -> set[str]:
    """Documents the mirror must hold: one row for each."""
    return {found for each in companies if (found := document(each["Identificador"]))}


async def run_job(office: Any) -> tuple[str, str, dict[str, Any] | None]:
    """A job of several attempts, as the daemon would make them: how it ended, what it said, and its result."""
    ended = "", ""
    for attempt in range(ATTEMPTS):
        try:
            return "success", "", dict(await office.sync(fresh=attempt == 0))
        except GiveUp as trouble:
            return trouble.code, trouble.message, None
        except RetryLater as trouble:
            ended = trouble.code, trouble.reason
    return *ended, None


@pytest.mark.parametrize("number", range(CASES))
async def test_the_mirror_equals_the_source_or_the_job_says_why(office: Any, fake: Fake, number: int) -> None:
    seed = int(os.environ.get("KNOB_SEED", random.randrange(2**32))) + number
    chance = random.Random(seed)
    knobs = knobs_of(chance)
    print(f"KNOB_SEED={seed} {msgspec.json.encode(knobs).decode()}")
    office.settings = Settings(confirm_delay_s=0.05)
    companies = await fake.companies(TOKEN)
    await fake.set_knobs(**knobs)
    how, said, result = await run_job(office)
    rows = {found for row in await office.rows() if (found := document(row["cnpj"] or ""))}
    assert rows <= expected(companies)  # never a company that is none
    if how != "success":
        assert how
        assert said
        assert TOKEN not in said
        return
    assert result is not None
    if knobs.keys() & LIES:
        whole = len(companies) + knobs.get("duplicates", 0)  # further registrations of a document count as read, too
        assert result["read"] < whole or rows == expected(companies)
        return
    assert rows == expected(companies)
    assert result["read"] >= len({each["ID"] for each in companies})


async def test_without_lies_a_good_source_is_mirrored_whole(office: Any, fake: Fake) -> None:
    """The search would pass if every job failed: this one must not."""
    await fake.set_knobs(fail_next=2, truncate_next=2, short_pages=[2], empty_once_pages=[3], end_of_list="404")
    office.settings = Settings(confirm_delay_s=0.0)
    how, *_ = await run_job(office)
    assert how == "success"
    held = {document(row["cnpj"]) for row in await office.rows()} - {None}
    assert held == expected(await fake.companies(TOKEN))
