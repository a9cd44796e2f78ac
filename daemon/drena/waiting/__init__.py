"""Why a job is not running: the facts, the one decision over them, and its words in Portuguese and English. Pure."""

from __future__ import annotations

from .facts import EVERY_TENANT, Facts, JobFacts, NodeFacts, Pause, RunningJob
from .reasons import Reason, decide
from .sentences import Language, Texts

__all__ = [
    "EVERY_TENANT",
    "Facts",
    "JobFacts",
    "Language",
    "NodeFacts",
    "Pause",
    "Reason",
    "RunningJob",
    "Texts",
    "decide",
]
