"""What of asyncpg's tests is not run, and why. A test id is matched by its end or by its class."""

from __future__ import annotations

MODULES = {
    "test__environment": "about asyncpg's own continuous integration",
    "test__sourcecode": "flake8 and mypy over asyncpg's sources",
    "test_subinterpreters": "asyncpg's extension modules alone",
    "test_test": "about asyncpg's test base",
}

SKIPS: dict[str, list[str]] = {
    "looks at asyncpg's own objects by identity": [
        "test_transaction_regular",
        "test_transaction_nested",
        "test_transaction_within_manual_transaction",
    ],
    "expects a report to asyncio's exception handler": ["test_transaction_interface_errors"],
    "calls asyncpg's private cancellation": ["test_cancellation_04"],
}


def reason_for(test_id: str) -> str | None:
    for reason, names in SKIPS.items():
        if any(f".{name}." in f".{test_id}." for name in names):
            return reason
    return None
