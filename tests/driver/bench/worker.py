"""One contender in a process of its own: takes a case by standard input, runs it, answers by standard output."""

from __future__ import annotations

import json
import sys
import time
from typing import TYPE_CHECKING, Any

from contenders import CONTENDERS

if TYPE_CHECKING:
    from contenders import AsyncpgLike

POOL_SIZE = 10
WARM_UP_S = 0.1


class Meter:
    """Counts operations until time is up, wall-clock and processor time."""

    def __init__(self, seconds: float) -> None:
        self.operations = 0
        self._seconds = seconds
        self.wall_s = self.cpu_s = 0.0

    def start(self) -> None:
        self.operations = 0
        self._wall, self._cpu = time.perf_counter(), time.process_time()
        self._end = self._wall + self._seconds

    def more(self) -> bool:
        self.wall_s = time.perf_counter() - self._wall
        self.cpu_s = time.process_time() - self._cpu
        return self._wall + self.wall_s < self._end


async def on_one_connection(contender: AsyncpgLike, dsn: str, case: str, meter: Meter) -> None:
    operation = getattr(contender, case)
    async with contender.connect(dsn) as conn:
        if case in {"many", "copy"}:
            await contender.prepare(conn)
        await operation(conn)
        meter.start()
        while meter.more():
            await operation(conn)
            meter.operations += 1
        if case in {"many", "copy"}:
            await contender.truncate(conn)


async def on_a_pool(contender: AsyncpgLike, dsn: str, meter: Meter) -> None:
    async with contender.pool(dsn, POOL_SIZE) as pool:

        async def one() -> None:
            while meter.more():
                await contender.pooled(pool)
                meter.operations += 1

        meter.start()
        await contender.at_once([one] * POOL_SIZE)


def measure(contender: AsyncpgLike, dsn: str, case: str, seconds: float) -> dict[str, Any]:
    meter = Meter(seconds)

    async def inside() -> None:
        if case == "pooled":
            await on_a_pool(contender, dsn, meter)
        else:
            await on_one_connection(contender, dsn, case, meter)

    contender.run(inside)
    return {"rate": meter.operations / meter.wall_s, "cpu_us": meter.cpu_s / meter.operations * 1e6}


def main() -> None:
    contender, dsn = CONTENDERS[sys.argv[1]](), sys.argv[2]
    for line in sys.stdin:
        order = json.loads(line)
        print(json.dumps(measure(contender, dsn, order["case"], order["seconds"])), flush=True)


if __name__ == "__main__":
    main()
