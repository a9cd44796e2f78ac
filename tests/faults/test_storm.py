"""A short storm with a fixed seed; `make faults` rages for longer, with a new seed each time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from faults.storm import Storm

if TYPE_CHECKING:
    from support.nodes import Fleet
    from support.postgres import PostgresServer

FAULTS = 10
SEED = 14


async def test_after_a_storm_every_job_has_ended_once_and_every_page_was_applied_once(
    fleet: Fleet, victim: PostgresServer, capsys: pytest.CaptureFixture[str]
) -> None:
    storm = Storm(fleet, victim, SEED, pause_s=0.7)
    await storm.rage(lambda tally: tally["faults"] >= FAULTS)
    told = {**storm.tally, **await storm.verdict()}
    with capsys.disabled():
        print(f"\nstorm with seed {SEED}: {told}")
    assert (told["lost"], told["doubled"], told["stuck"]) == (0, 0, 0)
    await fleet.prove(statuses={"success", "error"})
    assert await fleet.ask("select count(*) from integration_jobs where error_code <> 'poison'") == 0
