"""The short form of the gap hunt; the long one is `make gap-hunt`."""

from __future__ import annotations

import random

import trio

from feed.hunt import hunt_gaps
from support.postgres import PostgresServer


async def test_no_client_misses_a_change_whatever_happens_to_it_to_nodes_and_to_the_database(tmp_path):
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    with PostgresServer() as server, trio.fail_after(150):
        hunt = await hunt_gaps(server, tmp_path, seed=seed, seconds=12, writers=8, tenants=10, clients=30)
    assert hunt.acts > 50
    assert hunt.resumed > 0
