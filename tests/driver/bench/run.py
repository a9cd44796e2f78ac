"""How fast asyncpg_trio is, next to asyncpg on asyncio, the trio-asyncio bridge and psycopg 3.

    python tests/driver/bench/run.py [--seconds 0.5] [--rounds 7] [--case single] [--only asyncpg_trio]

One server, one process for each driver, the drivers taking turns in every round; a figure is the median over the
rounds, and only ratios within one run mean anything. trio-asyncio and psycopg are installed into a temporary folder for
the length of the run; `--no-install` leaves them out when they are not there.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
TESTS = HERE.parent.parent
DAEMON = TESTS.parent / "daemon"
sys.path[:0] = [str(HERE), str(TESTS)]

from contenders import CONTENDERS  # noqa: E402

from support.postgres import PostgresServer  # noqa: E402

CASES = {
    "single": "select $1::int, one connection",
    "pooled": "the same, pool of 10, 10 tasks",
    "rows": "fetch 1,000 rows of 3 columns",
    "many": "executemany, 10,000 rows",
    "copy": "COPY, 100,000 records",
}
MEASURE = "asyncpg on asyncio"
OURS = "asyncpg_trio"
BRIDGE = "trio-asyncio bridge"
OTHERS = ["trio-asyncio", "psycopg[binary]", "psycopg-pool"]


def main() -> int:
    arguments = parsed()
    with tempfile.TemporaryDirectory(prefix="bench-") as folder, PostgresServer(fsync=True) as server:
        installed = not arguments.no_install and install(folder)
        names = [name for name in CONTENDERS if installed or name in {MEASURE, OURS}]
        names = [name for name in names if not arguments.only or name in {MEASURE, *arguments.only}]
        workers = {name: worker(name, server.dsn(tcp=arguments.tcp), folder) for name in names}
        try:
            results = {case: interleaved(workers, case, arguments) for case in arguments.case or CASES}
        finally:
            for process in workers.values():
                process.kill()
    report(results)
    return 0


def parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=0.5, help="length of one measurement")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--case", action="append", choices=list(CASES))
    parser.add_argument("--only", action="append", choices=list(CONTENDERS), help="next to asyncpg on asyncio")
    parser.add_argument("--tcp", action="store_true", help="over 127.0.0.1 instead of the Unix socket")
    parser.add_argument("--no-install", action="store_true", help="only asyncpg and asyncpg_trio")
    return parser.parse_args()


def install(folder: str) -> bool:
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    done = subprocess.run([*command, "--target", folder, *OTHERS], check=False, capture_output=True, text=True)
    if done.returncode != 0:
        print("trio-asyncio and psycopg could not be installed; measuring without them\n", done.stderr[-500:])
    return done.returncode == 0


def worker(name: str, dsn: str, folder: str) -> subprocess.Popen[str]:
    """Its own packages come first, so that the extra folder shadows neither trio nor asyncpg."""
    packages = [path for path in sys.path if path.endswith("site-packages")]
    return subprocess.Popen(
        [sys.executable, "-W", "ignore", str(HERE / "worker.py"), name, dsn],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(DAEMON), *packages, folder])},
    )


def interleaved(
    workers: dict[str, subprocess.Popen[str]], case: str, arguments: argparse.Namespace
) -> dict[str, dict[str, list[float]]]:
    results: dict[str, dict[str, list[float]]] = {name: {"rate": [], "cpu_us": []} for name in workers}
    for number in range(arguments.rounds):
        names = list(workers)
        for name in names[number % len(names) :] + names[: number % len(names)]:
            process = workers[name]
            assert process.stdin is not None
            assert process.stdout is not None
            print(json.dumps({"case": case, "seconds": arguments.seconds}), file=process.stdin, flush=True)
            answer = json.loads(process.stdout.readline())
            for key, value in answer.items():
                results[name][key].append(value)
    return results


def report(results: dict[str, dict[str, dict[str, list[float]]]]) -> None:
    for case, by_name in results.items():
        print(f"\n{CASES[case]}")
        for name, figures in by_name.items():
            rate, cpu_us = statistics.median(figures["rate"]), statistics.median(figures["cpu_us"])
            ratios = [mine / theirs for mine, theirs in zip(figures["rate"], by_name[MEASURE]["rate"], strict=True)]
            print(
                f"  {name:22} {rate:12,.1f}/s   x {statistics.median(ratios):5.2f}"
                f"  ({min(ratios):.2f} .. {max(ratios):.2f})   {cpu_us:10,.1f} us of processor"
            )
        if OURS in by_name and BRIDGE in by_name:
            ratio = statistics.median(by_name[OURS]["rate"]) / statistics.median(by_name[BRIDGE]["rate"])
            print(f"  {OURS} to the bridge: x {ratio:.2f}")


if __name__ == "__main__":
    sys.exit(main())
