"""For the tests of plugins: an outside system by script, a real database, one attempt on the real engine.

Install it with `pip install "drena[testing]"`. What a plugin's tests may import is here and nothing else of
`drena.testing` is promised; the page is `contrib/writing-a-plugin.md`.

* `Conversation` answers by script or from a file, in place of the network; `Recording` writes such a file.
* `drena_database` is a pytest fixture: a new, migrated PostgreSQL database for each test.
* `run_once` runs one attempt of one job and says what it did; `check_once` calls `check`.
* `real_time` keeps a virtual clock (pytest-trio's `autojump_clock`) from jumping while a thread or socket is awaited.
* `ProviderConformance` is the suite every provider should pass.
"""

from __future__ import annotations

from asyncpg_trio import Connection
from drena.testing.clock import real_time
from drena.testing.conformance import ProviderConformance
from drena.testing.conversation import Answer, Conversation, Seen, UnexpectedRequest
from drena.testing.database import Database
from drena.testing.recording import Recording
from drena.testing.running import LogLine, Outcome, check_once, run_once

__all__ = [
    "Answer",
    "Connection",
    "Conversation",
    "Database",
    "LogLine",
    "Outcome",
    "ProviderConformance",
    "Recording",
    "Seen",
    "UnexpectedRequest",
    "check_once",
    "real_time",
    "run_once",
]
