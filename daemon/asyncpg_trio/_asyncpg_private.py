"""Every private part of asyncpg, and of asyncio, that this package leans on.

One name each, and one test each in tests/driver/test_asyncpg_private.py, so that a new asyncpg that moves something
fails there, by name, and nowhere else first.
"""

from __future__ import annotations

import asyncio
from typing import Any

from asyncpg import Record, connect_utils, exceptions, types
from asyncpg.connection import Connection as WireConnection
from asyncpg.connection import _Callback as WireCallback
from asyncpg.utils import _quote_ident

# What asyncio offers to those who write event loops (its page "Extending").
running_loop = asyncio.events._get_running_loop
set_running_loop: Any = asyncio.events._set_running_loop
enter_task: Any = asyncio.tasks._enter_task
leave_task: Any = asyncio.tasks._leave_task
CancelledError = asyncio.CancelledError

open_wire: Any = connect_utils._connect  # parses every option, dials each host, checks target_session_attrs
send_cancel_request: Any = connect_utils._cancel  # opens a second connection, TLS included, and waits for its end
quote_ident: Any = _quote_ident

__all__ = [
    "CancelledError",
    "Record",
    "WireCallback",
    "WireConnection",
    "enter_task",
    "exceptions",
    "leave_task",
    "open_wire",
    "quote_ident",
    "running_loop",
    "send_cancel_request",
    "set_running_loop",
    "types",
]
