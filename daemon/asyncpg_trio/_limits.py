"""How long the driver itself may wait, shielded, for a server that owes it an answer.

Read at the time of use, so that a program (or a test) may set other values before it opens connections.
"""

from __future__ import annotations

CANCEL_LIMIT_S = 2.0  # for the server to confirm a cancellation, a rollback, a reset
CLOSE_LIMIT_S = 2.0  # for the server to hang up after a goodbye
