"""What the long poll adds to a frame: how far the running jobs are. Pure.

On a socket progress comes in frames of its own; an answer of the poll is one frame, so it carries them as a member,
`progress`. Beside them stands `progress_mark`, which says in a few letters what they said: a client that sends it back
is answered as soon as it is another one, and need not wait for the next change of a job to see its bar move.
"""

from __future__ import annotations

from hashlib import blake2b
from typing import TYPE_CHECKING

from drena.feed.conflate import progress_frame

if TYPE_CHECKING:
    from collections.abc import Iterable

    from drena.store.feed import Progress


def mark_of(jobs: Iterable[Progress]) -> str:
    """Equal for the same jobs at the same versions, whichever node is asked."""
    told = sorted((job.id.bytes, job.version) for job in jobs)
    return blake2b(repr(told).encode(), digest_size=8).hexdigest()


def with_progress(frame: bytes, jobs: Iterable[Progress]) -> bytes:
    """A snapshot or delta, as JSON, with the progress of these jobs."""
    jobs = list(jobs)
    told = b",".join(progress_frame(*job) for job in jobs)
    return frame.removesuffix(b"}") + b',"progress":[%b],"progress_mark":"%b"}' % (told, mark_of(jobs).encode())
