"""What of asyncpg's tests is not run, and why. A name is a test, a class or a module."""

from __future__ import annotations

MODULES = {
    "test__environment": "about asyncpg's own continuous integration",
    "test__sourcecode": "flake8 and mypy over asyncpg's sources",
    "test_subinterpreters": "asyncpg's extension modules alone",
    "test_test": "about asyncpg's test base",
}

SKIPS: dict[str, list[str]] = {
    "compares asyncpg's own classes and objects": [
        "test_transaction_regular",
        "test_transaction_nested",
        "test_transaction_within_manual_transaction",
        "test_connection_isinstance",
        "test_pool_06",
        "test_pool_11",
        "test_pool_exception_in_setup_and_init",
        "test_pool_12",
        "test_pool_13",
    ],
    "replaces parts inside asyncpg, its Protocol, its loop or its cancellation": [
        "TestCloseTimeoutPendingCancel",
        "TestConnectionCleanup",
        "test_connection_cancelled_during_transport_setup",
        "test_cancellation_04",
        "test_connect_args_validation",
        "test_pool_release_after_background_cancel_timeout",
        "test_pool_release_after_protocol_abort",
        "test_pool_release_timeout_during_cancellation",
        "test_cancel_request_times_out_during_network_loss",
    ],
    "expects a report to asyncio's exception handler or debug mode": [
        "test_transaction_interface_errors",
        "test_pool_release_in_xact",
        "TestConnectionGC",
    ],
    "about asyncpg's pool object: init_size, holders, initialization by await, release by call": [
        "test_pool_08",
        "test_pool_09",
        "test_pool_gc_does_not_restore_min_size",
        "test_pool_handles_inactive_connection_errors",
        "test_pool_implicit_init_size",
        "test_pool_init_and_use_race",
        "test_pool_init_race",
        "test_pool_init_run_until_complete",
        "test_pool_min_size_partial_keep",
        "test_pool_min_size_restored_after_recycling",
        "test_pool_min_size_validation",
        "test_pool_shutdown_cleans_idle_connections",
        "test_pool_max_inactive_time_05",
    ],
    "an idle connection is read when it is used, so a callback comes then": [
        "test_connection_termination_callback_called_on_remote"
    ],
    "giving back within a limit is the driver's own duty; a release has no timeout": ["test_pool_release_timeout"],
    "expects asyncio.CancelledError inside the cancelled coroutine; Trio's is trio.Cancelled": [
        "test_ssl_connect_timeout_and_cancellation",
        "test_ssl_fallback_timeout_and_cancellation",
    ],
    "asks for the very words of a warning": ["test_dangling_log_listener_warns"],
    "async callbacks are not offered: no background task is started": ["test_log_listener_01", "test_log_listener_02"],
}


def reason_for(test_id: str) -> str | None:
    for reason, names in SKIPS.items():
        if any(f".{name}." in f".{test_id}." for name in names):
            return reason
    return None
