"""Loads asyncpg's tests, puts the adapter under them, runs them and counts."""

from __future__ import annotations

import os
import sys
import time
import unittest
from collections import Counter
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent.parent.parent / "daemon")]

import adapter  # noqa: E402
import skips  # noqa: E402


class Tally(unittest.TextTestResult):
    """Counts."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.passed: list[str] = []
        self.reasons: Counter[str] = Counter()

    def addSuccess(self, test):  # noqa: N802
        super().addSuccess(test)
        self.passed.append(test.id())

    def addSkip(self, test, reason):  # noqa: N802
        super().addSkip(test, reason)
        self.reasons[reason] += 1


def main(only: list[str], verbose: bool) -> int:
    folder = Path(os.environ["COMPAT_TESTS"])
    sys.path.insert(0, str(folder.parent))
    with adapter.in_place():
        loader, suite = unittest.TestLoader(), unittest.TestSuite()
        for path in sorted(folder.glob("test_*.py")):
            if path.stem in skips.MODULES:
                continue
            module = adapter.load(f"tests.{path.stem}", path)
            suite.addTests(chosen(loader.loadTestsFromModule(module), only))
        start = time.monotonic()
        runner = unittest.TextTestRunner(resultclass=Tally, verbosity=2 if verbose else 0, warnings="ignore")
        result = runner.run(suite)
    failed = {test.id() for test, _ in (*result.failures, *result.errors)}
    print(f"\nskipped {sum(result.reasons.values())}:")
    for reason, count in result.reasons.most_common():
        print(f"  {count:4}  {reason}")
    print("left out whole:", ", ".join(f"{name} ({why})" for name, why in skips.MODULES.items()))
    print(f"failed {len(failed)}:", *sorted(failed), sep="\n  ")
    print(f"passed {len(result.passed)} in {time.monotonic() - start:.0f} s")
    return 1 if failed else 0


def chosen(tests, only):
    for test in tests:
        if isinstance(test, unittest.TestSuite):
            yield from chosen(test, only)
        elif not only or any(name in test.id() for name in only):
            reason = skips.reason_for(test.id())
            if reason is not None:
                method = getattr(type(test), test._testMethodName)
                setattr(type(test), test._testMethodName, unittest.skip(reason)(method))
            yield test


if __name__ == "__main__":
    arguments = sys.argv[1:]
    sys.exit(main([name for name in arguments if name != "--verbose"], "--verbose" in arguments))
