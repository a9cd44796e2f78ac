"""Who asks, and what he may see and do: one gate for HTTP and the feed.

`open_gate` opens it for the daemon's life. `Gate.authenticate` tells who the bearer of a token is, `Gate.follow` tells
an open connection when that changes or ends. What a principal may do is decided by `Principal` alone, purely.
"""

from __future__ import annotations

from .gate import Gate, open_gate
from .principals import Principal

__all__ = ["Gate", "Principal", "open_gate"]
