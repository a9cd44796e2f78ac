"""The short form of the cancellation fuzz; `fuzz.py` is the long one."""

from __future__ import annotations

import os
import random

from driver import fuzz


async def test_random_cancellations_and_kills_leave_nothing_behind(own_server):
    seed = int(os.environ.get("FUZZ_SEED", random.randrange(1 << 32)))
    operations = int(os.environ.get("FUZZ_OPERATIONS", "600"))
    print(f"FUZZ_SEED={seed} FUZZ_OPERATIONS={operations}")
    outcomes = await fuzz.run(own_server.dsn(), seed, operations)
    assert outcomes["done"] > operations / 10
    assert outcomes["cancelled"] > operations / 10
